#include "ntt/prune/ntk_sap.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// Adds w ⊙ ∂/∂w of the network's part in the difference, as seen through the masks that both copies share.
void add_mask_derivative(Network& network, Tape& tape, const at::Tensor& cotangent, Scores& sums) {
  network.zero_gradients();
  network.layers().forward_adjoint(cotangent, tape);
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  for (std::size_t i = 0; i < prunable.size(); ++i) {
    sums[i].addcmul_(prunable[i]->effective, prunable[i]->gradient);
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
    Network drawn = Network::random(network.spec(), draw.seed, purpose, network.dtype());
    drawn.to(network.device(), network.dtype());
    const std::vector<Parameter*> weights = prunable_parameters(drawn);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i]->set_mask(prunable[i]->mask);
    }
    RandomStream stream(draw.seed, purpose + "-draws");
    Network perturbed = drawn.clone();
    for (Parameter* parameter : prunable_parameters(perturbed)) {
      const at::Tensor noise = random_normal(stream, parameter->value.sizes(), draw.epsilon, network.dtype());
      parameter->value.add_(noise.to(network.device()));
      parameter->refresh();
    }
    const at::Tensor inputs =
        random_normal(stream, network.spec().batch_shape(batch.count), 1.0, network.dtype()).to(network.device());
    Tape tape;
    Tape perturbed_tape;
    drawn.layers().limit_cotangents(tape, false, false);
    perturbed.layers().limit_cotangents(perturbed_tape, false, false);
    const at::Tensor difference =
        drawn.layers().forward(inputs, tape) - perturbed.layers().forward(inputs, perturbed_tape);
    add_mask_derivative(drawn, tape, difference * 2, sums);
    add_mask_derivative(perturbed, perturbed_tape, difference * -2, sums);
  });
  for (at::Tensor& sum : sums) {
    sum.abs_();
  }
  return sums;
}

}  // namespace ntt
