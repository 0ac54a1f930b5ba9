#include "ntt/ops/relu.h"

#include <ATen/ATen.h>

#include "ntt/core/fused.h"

namespace ntt {

at::Tensor Relu::forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  tape.saved = {at::relu(inputs.front())};
  return tape.saved.front();
}

Tensors Relu::pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  return {tape.wants_input.front() ? gate(delta, tape.saved.front()) : at::Tensor()};
}

at::Tensor Relu::pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                                  Tensors& /*gradients*/) const {
  const bool wanted = cotangents.front().defined() && tape.wants_delta_bar;
  return wanted ? gate(cotangents.front(), tape.saved.front()) : at::Tensor();
}

Tensors Relu::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                              Tensors& /*gradients*/) const {
  const bool wanted = cotangent.defined() && tape.wants_input.front();
  return {wanted ? gate(cotangent.unsqueeze(1), tape.saved.front()).squeeze(1) : at::Tensor()};
}

}  // namespace ntt
