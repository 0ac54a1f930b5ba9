#include "ntt/prune/mask.h"

#include <ATen/ATen.h>

#include <cmath>

#include "ntt/core/error.h"

namespace ntt {
namespace {

/// The score at or below which weights go, of the scores' own type, so that whole numbers beyond a float's precision
/// stay apart; undefined where all weights stay.
at::Tensor threshold(const at::Tensor& scores, double density) {
  // The small constant keeps (1 - 0.03) * 100 from rounding down to 96.
  const auto pruned = static_cast<std::int64_t>(std::floor((1 - density) * static_cast<double>(scores.numel()) + 1e-6));
  return pruned > 0 ? std::get<0>(at::kthvalue(scores, pruned)) : at::Tensor();
}

at::Tensor mask_above(const at::Tensor& scores, const at::Tensor& limit, at::TensorOptions options) {
  return limit.defined() ? scores.gt(limit).to(options) : at::ones(scores.sizes(), options);
}

}  // namespace

std::vector<Parameter*> prunable_parameters(Network& network) {
  std::vector<Parameter*> prunable;
  for (Parameter* parameter : network.parameters()) {
    if (parameter->prunable) {
      prunable.push_back(parameter);
    }
  }
  return prunable;
}

void check_density(double density) {
  if (!(density > 0 && density <= 1)) {
    fail_input("--density is {}, but must lie above 0 and be at most 1", density);
  }
}

void mask_by_scores(Network& network, const Scores& scores, double density, Scope scope) {
  check_density(density);
  at::Tensor over_all;
  if (scope == Scope::global) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor& score : scores) {
      flat.push_back(score.flatten());
    }
    over_all = threshold(at::cat(flat), density);
  }
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  for (std::size_t i = 0; i < prunable.size(); ++i) {
    const at::Tensor limit = scope == Scope::global ? over_all : threshold(scores[i].flatten(), density);
    prunable[i]->set_mask(mask_above(scores[i], limit, prunable[i]->value.options()));
  }
}

Scores magnitude_scores(Network& network) {
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back(parameter->value.abs());
  }
  return scores;
}

Scores random_scores(Network& network, std::uint64_t seed) {
  RandomStream stream(seed, "random-mask");
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  std::int64_t total = 0;
  for (const Parameter* parameter : prunable) {
    total += parameter->value.numel();
  }
  // One order over all layers, so that the scores serve both scopes and never tie.
  const at::Tensor order = random_permutation(stream, total);
  Scores scores;
  std::int64_t first = 0;
  for (const Parameter* parameter : prunable) {
    const std::int64_t count = parameter->value.numel();
    scores.push_back(order.narrow(0, first, count).view(parameter->value.sizes()).to(parameter->value.device()));
    first += count;
  }
  return scores;
}

}  // namespace ntt
