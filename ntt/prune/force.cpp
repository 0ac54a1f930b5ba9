#include "ntt/prune/force.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {

Scores force_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const Gradients gradients = gradients_of(network, inputs, [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  });
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back((parameter->value * gradients.of(*parameter)).abs());
  }
  return scores;
}

}  // namespace ntt
