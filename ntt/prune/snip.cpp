#include "ntt/prune/snip.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// |w · ∂/∂w|
Scores sensitivities(Network& network, const Gradients& gradients) {
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back((parameter->effective * gradients.of(*parameter)).abs());
  }
  return scores;
}

}  // namespace

Scores snip_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const auto by_outputs = [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  };
  return sensitivities(network, gradients_of(network, inputs, by_outputs));
}

Scores logit_snip_scores(Network& network, const at::Tensor& inputs) {
  const auto by_outputs = [](const Batch&, const at::Tensor& outputs) { return outputs * 2; };
  return sensitivities(network, gradients_of(network, inputs, by_outputs));
}

}  // namespace ntt
