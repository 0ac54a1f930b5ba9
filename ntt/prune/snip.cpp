#include "ntt/prune/snip.h"

#include <ATen/ATen.h>

#include <functional>

#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// |w · ∂/∂w| of a sum over batches, whose derivative by a batch's outputs [n, C] `derivative` tells. Leaves the
/// gradients at zero.
Scores sensitivities(Network& network, std::int64_t inputs,
                     const std::function<at::Tensor(const Batch&, Tape&)>& outputs_and_derivative) {
  network.zero_gradients();
  for_each_batch(inputs, [&](const Batch& batch) {
    Tape tape;
    network.layers().limit_cotangents(tape, false, false);
    network.layers().forward_adjoint(outputs_and_derivative(batch, tape), tape);
  });
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back((parameter->effective * parameter->gradient).abs());
  }
  network.zero_gradients();
  return scores;
}

}  // namespace

Scores snip_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  return sensitivities(network, inputs.size(0), [&](const Batch& batch, Tape& tape) {
    const at::Tensor outputs = network.layers().forward(batch.of(inputs), tape);
    return cross_entropy(outputs, batch.of(labels)).cotangent.mul_(batch.share);
  });
}

Scores logit_snip_scores(Network& network, const at::Tensor& inputs) {
  return sensitivities(network, inputs.size(0), [&](const Batch& batch, Tape& tape) {
    return network.layers().forward(batch.of(inputs), tape) * 2;
  });
}

}  // namespace ntt
