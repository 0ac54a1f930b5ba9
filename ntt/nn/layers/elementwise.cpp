#include "ntt/nn/layers/elementwise.h"

#include <ATen/ATen.h>

namespace ntt {

at::Tensor Elementwise::forward(const at::Tensor& input, Tape& tape) const {
  Values values = evaluate(input);
  tape.slope = values.slope;
  tape.curvature = values.curvature;
  return values.output;
}

at::Tensor Elementwise::pullback(const at::Tensor& delta, Tape& tape) const {
  if (tape.curvature.defined()) {
    tape.delta = delta;
  }
  return tape.needs_input_cotangent ? delta * tape.slope.unsqueeze(1) : at::Tensor();
}

at::Tensor Elementwise::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined()) {
    return {};
  }
  if (tape.curvature.defined()) {
    tape.preactivation_bar = (tape.delta * cotangent).sum(1).mul_(tape.curvature);
  }
  return tape.needs_output_cotangent ? cotangent * tape.slope.unsqueeze(1) : at::Tensor();
}

at::Tensor Elementwise::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!tape.needs_input_cotangent) {
    return {};
  }
  return add_defined(cotangent.defined() ? cotangent * tape.slope : cotangent, tape.preactivation_bar);
}

}  // namespace ntt
