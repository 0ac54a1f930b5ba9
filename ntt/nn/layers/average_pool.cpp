#include "ntt/nn/layers/average_pool.h"

#include <ATen/ATen.h>

#include "ntt/nn/layers/max_pool.h"

namespace ntt {

Shape AveragePool::output_shape(const Shape& input) const {
  return pooled_shape(geometry_, input);
}

at::Tensor AveragePool::pool(const at::Tensor& images) const {
  return at::avg_pool2d(images, {geometry_.kernel, geometry_.kernel}, {geometry_.stride, geometry_.stride});
}

at::Tensor AveragePool::spread(const at::Tensor& cotangent, const Tape& tape) const {
  // Only the sizes of its second argument matter.
  const at::Tensor images =
      at::empty({cotangent.size(0), tape.input.size(1), tape.input.size(2), tape.input.size(3)}, cotangent.options());
  return at::avg_pool2d_backward(cotangent, images, {geometry_.kernel, geometry_.kernel},
                                 {geometry_.stride, geometry_.stride}, {0, 0}, false, true, c10::nullopt);
}

at::Tensor AveragePool::forward(const at::Tensor& input, Tape& tape) const {
  tape.input = input;
  return pool(input);
}

at::Tensor AveragePool::pullback(const at::Tensor& delta, Tape& tape) const {
  return tape.needs_input_cotangent ? split_probes(spread(merge_probes(delta), tape), delta.size(1)) : at::Tensor();
}

at::Tensor AveragePool::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined() || !tape.needs_output_cotangent) {
    return {};
  }
  return split_probes(pool(merge_probes(cotangent)), cotangent.size(1));
}

at::Tensor AveragePool::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  return cotangent.defined() && tape.needs_input_cotangent ? spread(cotangent, tape) : at::Tensor();
}

}  // namespace ntt
