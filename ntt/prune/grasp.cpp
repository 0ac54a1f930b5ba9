#include "ntt/prune/grasp.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"
#include "ntt/prune/hessian.h"

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

}  // namespace

Scores grasp_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const Network direction = gradient_network(network, inputs, labels);
  Gradients gradients(network);
  for_each_batch(inputs.size(0), [&](const Batch& batch) {
    add_hessian_product(network, direction, batch.of(inputs), batch.of(labels), batch.share, gradients);
  });
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back(parameter->effective * gradients.of(*parameter));
  }
  return scores;
}

}  // namespace ntt
