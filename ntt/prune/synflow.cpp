#include "ntt/prune/synflow.h"

#include <ATen/ATen.h>

namespace ntt {

Scores synflow_scores(const Network& network) {
  Network magnitudes = network.clone();
  magnitudes.to(network.device(), at::kDouble);
  for (Parameter* parameter : magnitudes.parameters()) {
    parameter->value.abs_();
    parameter->refresh();
  }
  Tape tape;
  magnitudes.layers().limit_cotangents(tape, false, false);
  const at::Tensor outputs = magnitudes.layers().forward(
      at::ones(network.spec().batch_shape(1), magnitudes.parameters().front()->value.options()), tape);
  magnitudes.layers().forward_adjoint(at::ones_like(outputs), tape);
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(magnitudes)) {
    scores.push_back((parameter->effective * parameter->gradient).abs());
  }
  return scores;
}

}  // namespace ntt
