#include "ntt/prune/hessian.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/sweeps.h"

namespace ntt {
namespace {

/// The cotangents of ⟨v, Σ_i ∂(δ_i · y_i)/∂θ⟩ by deltas and inputs: operators are linear in their parameters, so that
/// they are v's own operator run forward on the inputs and pulled back from δ.
void fill_cotangents(const Network& network, const Network& direction, Tape& tape) {
  for (NodeId node = 0; node < tape.nodes.size(); ++node) {
    NodeTape& of_node = tape.nodes[node];
    const NodeParameters parameters = direction.parameters_of(node);
    const auto moves = [](const Parameter* parameter) {
      return parameter->trained() && parameter->value.any().item<bool>();
    };
    if (network.op(node).as_parametric() == nullptr || std::ranges::none_of(parameters.values, moves)) {
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

}  // namespace

void add_hessian_product(const Network& network, const Network& direction, const at::Tensor& inputs,
                         const at::Tensor& labels, double share, Gradients& gradients) {
  Tape tape(network, {Statistics::running, true});
  const at::Tensor outputs = forward(network, inputs, tape);
  const at::Tensor delta = cross_entropy(outputs, labels).cotangent.mul_(share);
  pullback(network, delta.unsqueeze(1), tape);
  fill_cotangents(network, direction, tape);
  const at::Tensor delta_bar = pullback_adjoint(network, tape, gradients).squeeze(1);
  // delta is share/n (softmax - onehot): through the softmax's own derivative to the outputs.
  const at::Tensor probabilities = outputs.softmax(1);
  const at::Tensor mean = (probabilities * delta_bar).sum(1, true);
  const double scale = share / static_cast<double>(inputs.size(0));
  forward_adjoint(network, (probabilities * (delta_bar - mean)).mul_(scale), tape, gradients);
}

}  // namespace ntt
