#include "ntt/prune/grasp.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// The gradient of the mean cross-entropy as a network: g where weights can be pruned, 0 for other parameters.
Network gradient_network(const Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const Gradients gradients = gradients_of(network, inputs, [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  });
  Network direction = network.clone();
  for (Parameter* parameter : direction.parameters()) {
    parameter->assign(parameter->prunable ? gradients.of(*parameter).clone() : at::zeros_like(parameter->value));
  }
  return direction;
}

/// The cotangents of ⟨v, Σ_i ∂(δ_i · y_i)/∂θ⟩ by deltas and inputs: operators are linear in their parameters, so that
/// they are v's own operator run forward on the inputs and pulled back from δ.
void fill_cotangents(const Network& network, const Network& direction, Tape& tape) {
  for (NodeId node = 0; node < tape.nodes.size(); ++node) {
    NodeTape& of_node = tape.nodes[node];
    const NodeParameters parameters = direction.parameters_of(node);
    const auto is_weight = [](const Parameter* parameter) { return parameter->prunable; };
    if (network.op(node).as_parametric() == nullptr || std::ranges::none_of(parameters.values, is_weight)) {
      continue;
    }
    NodeTape scratch;
    scratch.batch = of_node.batch;
    scratch.wants_input = of_node.wants_input;
    of_node.delta_bar = network.op(node).forward(of_node.inputs, parameters, scratch).unsqueeze(1);
    const Tensors input_bars = network.op(node).pullback(of_node.delta, parameters, scratch);
    for (std::size_t i = 0; i < input_bars.size(); ++i) {
      of_node.input_bars[i] = input_bars[i].defined() ? input_bars[i].squeeze(1) : input_bars[i];
    }
  }
}

/// Adds the batch's share of ∂(v · ∂L/∂w)/∂w to the gradients.
void add_hessian_product(const Network& network, const Network& direction, const Batch& batch, const at::Tensor& inputs,
                         const at::Tensor& labels, Gradients& gradients) {
  Tape tape(network, {Statistics::running, true});
  const at::Tensor outputs = forward(network, inputs, tape);
  const at::Tensor delta = cross_entropy(outputs, labels).cotangent.mul_(batch.share);
  pullback(network, delta.unsqueeze(1), tape);
  fill_cotangents(network, direction, tape);
  const at::Tensor delta_bar = pullback_adjoint(network, tape, gradients).squeeze(1);
  // delta is share/n (softmax - onehot): through the softmax's own derivative to the outputs.
  const at::Tensor probabilities = outputs.softmax(1);
  const at::Tensor mean = (probabilities * delta_bar).sum(1, true);
  const double scale = batch.share / static_cast<double>(batch.count);
  forward_adjoint(network, (probabilities * (delta_bar - mean)).mul_(scale), tape, gradients);
}

}  // namespace

Scores grasp_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const Network direction = gradient_network(network, inputs, labels);
  Gradients gradients(network);
  for_each_batch(inputs.size(0), [&](const Batch& batch) {
    add_hessian_product(network, direction, batch, batch.of(inputs), batch.of(labels), gradients);
  });
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back(parameter->effective * gradients.of(*parameter));
  }
  return scores;
}

}  // namespace ntt
