#include "ntt/nn/layers/max_pool.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"

namespace ntt {

Shape pooled_shape(const PoolGeometry& geometry, const Shape& input) {
  if (input.size() != 3) {
    fail_input("pooling needs images of channels x height x width, but its input is {}", to_string(input));
  }
  if (input[1] < geometry.kernel || input[2] < geometry.kernel) {
    fail_input("a pooling window of {0}x{0} does not fit into its input of {1}", geometry.kernel, to_string(input));
  }
  return {input[0], geometry.out_size(input[1]), geometry.out_size(input[2])};
}

Shape MaxPool::output_shape(const Shape& input) const {
  return pooled_shape(geometry_, input);
}

at::Tensor MaxPool::forward(const at::Tensor& input, Tape& tape) const {
  tape.input = input;
  auto [maxima, winners] = max_pool(geometry_, input);
  tape.winners = winners;
  return maxima;
}

at::Tensor MaxPool::pullback(const at::Tensor& delta, Tape& tape) const {
  return tape.needs_input_cotangent ? pool_scatter(delta, tape.winners, tape.input.size(2), tape.input.size(3))
                                    : at::Tensor();
}

at::Tensor MaxPool::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  return cotangent.defined() && tape.needs_output_cotangent ? pool_gather(cotangent, tape.winners) : at::Tensor();
}

at::Tensor MaxPool::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined() || !tape.needs_input_cotangent) {
    return {};
  }
  return pool_scatter(cotangent.unsqueeze(1), tape.winners, tape.input.size(2), tape.input.size(3)).squeeze(1);
}

}  // namespace ntt
