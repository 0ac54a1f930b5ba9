#include "ntt/prune/ntk_sap.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "ntt/nn/statistics.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// Adds w ⊙ ∂/∂w of the network's part in the difference, as seen through the masks that both copies share.
void add_mask_derivative(Network& network, Tape& tape, const at::Tensor& cotangent, Scores& sums) {
  Gradients gradients(network);
  forward_adjoint(network, cotangent, tape, gradients);
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  for (std::size_t i = 0; i < prunable.size(); ++i) {
    sums[i].addcmul_(prunable[i]->effective, gradients.of(*prunable[i]));
  }
}

}  // namespace

Scores ntk_sap_scores(const Network& network, const NtkSapDraw& draw) {
  Network masked = network.clone();
  const std::vector<Parameter*> prunable = prunable_parameters(masked);
  Scores sums;
  for (const Parameter* parameter : prunable) {
    sums.push_back(at::zeros_like(parameter->value));
  }
  for_each_batch(draw.samples, [&](const Batch& batch) {
    const std::string purpose = fmt::format("ntk-sap-{}-{}", draw.round, batch.first);
    Network drawn = network.clone();
    drawn.redraw(draw.seed, purpose, Initialisation::glorot);
    const std::vector<Parameter*> weights = prunable_parameters(drawn);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i]->set_pattern(prunable[i]->pattern);
    }
    RandomStream stream(draw.seed, purpose + "-draws");
    Tensors noise;
    for (const Parameter* parameter : weights) {
      noise.push_back(random_normal(stream, parameter->shape, draw.epsilon, network.dtype()).to(network.device()));
    }
    const at::Tensor inputs =
        random_normal(stream, network.graph().batch_shape(batch.count), 1.0, network.dtype()).to(network.device());
    calibrate_statistics(drawn, inputs);
    Network perturbed = drawn.clone();
    for (std::size_t i = 0; i < noise.size(); ++i) {
      Parameter& parameter = *prunable_parameters(perturbed)[i];
      parameter.value.add_(noise[i]);
      parameter.refresh();
    }
    Tape tape(drawn);
    Tape perturbed_tape(perturbed);
    const at::Tensor difference = forward(drawn, inputs, tape) - forward(perturbed, inputs, perturbed_tape);
    add_mask_derivative(drawn, tape, difference * 2, sums);
    add_mask_derivative(perturbed, perturbed_tape, difference * -2, sums);
  });
  for (at::Tensor& sum : sums) {
    sum.abs_();
  }
  return sums;
}

}  // namespace ntt
