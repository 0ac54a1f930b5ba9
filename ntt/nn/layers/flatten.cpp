#include "ntt/nn/layers/flatten.h"

#include <ATen/ATen.h>

#include <functional>
#include <numeric>

namespace ntt {

Shape Flatten::output_shape(const Shape& input) const {
  return {std::accumulate(input.begin(), input.end(), std::int64_t{1}, std::multiplies<>())};
}

at::Tensor Flatten::forward(const at::Tensor& input, Tape& tape) const {
  tape.input = input;
  return input.flatten(1);
}

at::Tensor Flatten::pullback(const at::Tensor& delta, Tape& tape) const {
  if (!tape.needs_input_cotangent) {
    return {};
  }
  Shape shape = tape.input.sizes().vec();
  shape[0] *= delta.size(1);
  return split_probes(delta.contiguous().view(shape), delta.size(1));
}

at::Tensor Flatten::pullback_adjoint(const at::Tensor& cotangent, Tape& /*tape*/) {
  return cotangent.defined() ? cotangent.flatten(2) : cotangent;
}

at::Tensor Flatten::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  return cotangent.defined() && tape.needs_input_cotangent ? cotangent.view(tape.input.sizes()) : at::Tensor();
}

}  // namespace ntt
