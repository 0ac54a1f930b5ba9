#include "ntt/prune/grasp.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// The gradient of the mean cross-entropy as a network: g where weights can be pruned, 0 for the biases.
Network gradient_network(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  network.zero_gradients();
  add_gradients(network, inputs, [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  });
  Network gradient = network.clone();
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& parameter = *network.parameters()[i];
    gradient.parameters()[i]->assign(parameter.prunable ? parameter.gradient.clone()
                                                        : at::zeros_like(parameter.gradient));
  }
  return gradient;
}

std::vector<const ParametricLayer*> parametric_layers(const Network& network) {
  Tape tape;
  network.layers().limit_cotangents(tape, false, false);  // gives the tape its children
  std::vector<const ParametricLayer*> layers;
  network.layers().for_each_parametric(tape, [&](const ParametricLayer& layer, Tape&) { layers.push_back(&layer); });
  return layers;
}

/// The cotangents of ⟨v, Σ_i δ_i a_iᵀ⟩ by deltas and inputs are v's own layer run forward on a and pulled back from δ.
void fill_cotangents(const Network& network, const Network& direction, Tape& tape) {
  const std::vector<const ParametricLayer*> layers = parametric_layers(direction);
  std::size_t index = 0;
  network.layers().for_each_parametric(tape, [&](const ParametricLayer&, Tape& layer_tape) {
    Tape scratch;
    const ParametricLayer& layer = *layers[index++];
    layer_tape.delta_bar = layer.forward(layer_tape.input, scratch).unsqueeze(1);
    if (layer_tape.needs_input_cotangent) {
      layer_tape.input_bar = layer.pullback(layer_tape.delta, scratch).squeeze(1);
    }
  });
}

/// Adds the batch's share of ∂(v · ∂L/∂w)/∂w to the gradients.
void add_hessian_product(Network& network, const Network& direction, const Batch& batch, const at::Tensor& inputs,
                         const at::Tensor& labels) {
  Tape tape;
  network.layers().limit_cotangents(tape, false, true);
  const at::Tensor outputs = network.layers().forward(inputs, tape);
  const at::Tensor delta = cross_entropy(outputs, labels).cotangent.mul_(batch.share);
  network.layers().pullback(delta.unsqueeze(1), tape);
  fill_cotangents(network, direction, tape);
  const at::Tensor delta_bar = network.layers().pullback_adjoint({}, tape).squeeze(1);
  // delta is share/n (softmax - onehot): through the softmax's own derivative to the outputs.
  const at::Tensor probabilities = outputs.softmax(1);
  const at::Tensor mean = (probabilities * delta_bar).sum(1, true);
  const double scale = batch.share / static_cast<double>(batch.count);
  network.layers().forward_adjoint((probabilities * (delta_bar - mean)).mul_(scale), tape);
}

}  // namespace

Scores grasp_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const Network direction = gradient_network(network, inputs, labels);
  network.zero_gradients();
  for_each_batch(inputs.size(0), [&](const Batch& batch) {
    add_hessian_product(network, direction, batch, batch.of(inputs), batch.of(labels));
  });
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back(parameter->effective * parameter->gradient);
  }
  network.zero_gradients();
  return scores;
}

}  // namespace ntt
