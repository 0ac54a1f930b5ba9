#include "ntt/ops/weight_operator.h"

#include <ATen/ATen.h>

namespace ntt {

std::vector<ParameterRule> WeightOperator::parameters() const {
  std::vector<ParameterRule> rules{{"weight", weight_shape_, Role::weight}};
  if (has_bias_) {
    rules.push_back({"bias", {weight_shape_.front()}, Role::bias});
  }
  return rules;
}

at::Tensor WeightOperator::forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const {
  tape.inputs = inputs;
  return products(parameters)
      .outputs(parameters.effective(kWeight), inputs.front(), has_bias_ ? parameters.effective(kBias) : at::Tensor(),
               {});
}

Tensors WeightOperator::pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const {
  tape.delta = delta;
  if (!tape.wants_input.front()) {
    return {at::Tensor()};
  }
  return {
      split_probes(products(parameters).inputs(parameters.effective(kWeight), merge_probes(delta), {}), delta.size(1))};
}

at::Tensor WeightOperator::pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                                            Tensors& gradients) const {
  const at::Tensor& cotangent = cotangents.front();
  if (!cotangent.defined()) {
    return tape.delta_bar;
  }
  const at::Tensor rows = merge_probes(cotangent);
  products(parameters).add_gradient(rows, merge_probes(tape.delta), gradients[kWeight]);
  if (!tape.wants_delta_bar) {
    return {};
  }
  const at::Tensor sum = tape.delta_bar.defined() ? merge_probes(tape.delta_bar) : at::Tensor();
  return split_probes(products(parameters).outputs(parameters.effective(kWeight), rows, {}, sum), cotangent.size(1));
}

Tensors WeightOperator::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                                        Tensors& gradients) const {
  if (!cotangent.defined()) {
    return {tape.input_bars.front()};
  }
  products(parameters).add_gradient(tape.inputs.front(), cotangent, gradients[kWeight]);
  if (has_bias_) {
    gradients[kBias].add_(sum_by_output(cotangent));
  }
  if (!tape.wants_input.front()) {
    return {at::Tensor()};
  }
  return {products(parameters).inputs(parameters.effective(kWeight), cotangent, tape.input_bars.front())};
}

at::Tensor WeightOperator::jacobian(std::size_t parameter, const GramRows& rows,
                                    const NodeParameters& /*parameters*/) const {
  return parameter == kWeight ? weight_jacobian(rows) : sum_positions(merge_probes(rows.delta));
}

void WeightOperator::add_jacobian_adjoint(std::size_t parameter, const GramRows& rows,
                                          const NodeParameters& /*parameters*/, const at::Tensor& cotangent,
                                          const std::vector<bool>& wants_input, GramRows& into) const {
  if (parameter == kBias) {
    if (!into.delta.defined()) {
      into.delta = at::zeros_like(rows.delta);
    }
    add_to_positions(into.delta, split_probes(cotangent, rows.delta.size(1)));
    return;
  }
  const GramRows bar = weight_jacobian_adjoint(rows, cotangent, wants_input.front());
  accumulate(into.delta, bar.delta);
  into.inputs.resize(1);
  if (wants_input.front()) {
    accumulate(into.inputs.front(), bar.inputs.front());
  }
}

}  // namespace ntt
