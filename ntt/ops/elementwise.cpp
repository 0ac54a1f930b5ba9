#include "ntt/ops/elementwise.h"

#include <ATen/ATen.h>

namespace ntt {
namespace {

/// Places in the tape's saved tensors.
constexpr std::size_t kSlope = 0;
constexpr std::size_t kCurvature = 1;

}  // namespace

at::Tensor Elementwise::forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  Values values = function_(inputs.front());
  tape.saved = {values.slope, values.curvature};
  return values.output;
}

Tensors Elementwise::pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  if (tape.saved[kCurvature].defined()) {
    tape.delta = delta;
  }
  return {tape.wants_input.front() ? delta * tape.saved[kSlope].unsqueeze(1) : at::Tensor()};
}

at::Tensor Elementwise::pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/,
                                         NodeTape& tape, Tensors& /*gradients*/) const {
  const at::Tensor& cotangent = cotangents.front();
  if (!cotangent.defined()) {
    return {};
  }
  if (tape.saved[kCurvature].defined()) {
    accumulate(tape.input_bars.front(), (tape.delta * cotangent).sum(1).mul_(tape.saved[kCurvature]));
  }
  return tape.wants_delta_bar ? cotangent * tape.saved[kSlope].unsqueeze(1) : at::Tensor();
}

Tensors Elementwise::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                                     Tensors& /*gradients*/) const {
  if (!tape.wants_input.front()) {
    return {at::Tensor()};
  }
  return {add_defined(cotangent.defined() ? cotangent * tape.saved[kSlope] : cotangent, tape.input_bars.front())};
}

}  // namespace ntt
