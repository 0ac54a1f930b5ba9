#include "ntt/prune/synflow.h"

#include <ATen/ATen.h>

#include "ntt/nn/sweeps.h"

namespace ntt {

Scores synflow_scores(const Network& network) {
  Network magnitudes = network.clone();
  magnitudes.to(network.device(), at::kDouble);
  for (const auto& parameter : magnitudes.all_parameters()) {
    if (parameter->role == Role::mean) {
      parameter->value.zero_();
    } else if (parameter->role == Role::variance) {
      parameter->value.fill_(1);
    } else {
      parameter->value.abs_();
    }
    parameter->refresh();
  }
  Tape tape(magnitudes);
  Gradients gradients(magnitudes);
  const at::Tensor ones = at::ones(network.graph().batch_shape(1), gradients.flat().options());
  const at::Tensor outputs = forward(magnitudes, ones, tape);
  forward_adjoint(magnitudes, at::ones_like(outputs), tape, gradients);
  Scores scores;
  double sum = 0;
  for (const Parameter* parameter : prunable_parameters(magnitudes)) {
    scores.push_back((parameter->effective * gradients.of(*parameter)).abs());
    sum += scores.back().sum().item<double>();
  }
  // Where the outputs' sum is a constant, as behind a softmax, rounding is all there is.
  constexpr double kRounding = 1e-12;
  if (sum < kRounding * outputs.sum().abs().item<double>()) {
    for (at::Tensor& score : scores) {
      score.zero_();
    }
  }
  return scores;
}

}  // namespace ntt
