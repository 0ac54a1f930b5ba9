#include "ntt/prune/snip.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// |w · ∂/∂w| from the gradients, which are left at zero.
Scores take_sensitivities(Network& network) {
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back((parameter->effective * parameter->gradient).abs());
  }
  network.zero_gradients();
  return scores;
}

}  // namespace

Scores snip_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  network.zero_gradients();
  add_gradients(network, inputs, [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  });
  return take_sensitivities(network);
}

Scores logit_snip_scores(Network& network, const at::Tensor& inputs) {
  network.zero_gradients();
  add_gradients(network, inputs, [](const Batch&, const at::Tensor& outputs) { return outputs * 2; });
  return take_sensitivities(network);
}

}  // namespace ntt
