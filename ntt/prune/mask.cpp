#include "ntt/prune/mask.h"

#include <ATen/ATen.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/nn/initialise.h"
#include "ntt/nn/statistics.h"

namespace ntt {
namespace {

constexpr std::array<std::string_view, 3> kScopes{"layer", "global", "erk"};

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

std::string to_string(Scope scope) {
  return std::string(kScopes[static_cast<std::size_t>(scope)]);
}

Scope parse_scope(const std::string& name) {
  const auto found = std::ranges::find(kScopes, name);
  if (found == kScopes.end()) {
    fail_input("there is no scope '{}'; known are {}", name, fmt::join(kScopes, ", "));
  }
  return static_cast<Scope>(found - kScopes.begin());
}

std::vector<double> erk_densities(const std::vector<Shape>& shapes, double density) {
  double wanted = 0;
  std::vector<double> raw;
  for (const Shape& shape : shapes) {
    const auto count = static_cast<double>(entries(shape));
    raw.push_back(static_cast<double>(std::accumulate(shape.begin(), shape.end(), std::int64_t{0})) / count);
    wanted += density * count;
  }
  // Layers that would come to more than 1 stay whole, and the others share out the rest.
  std::vector<bool> whole(shapes.size(), false);
  while (true) {
    double left = wanted;
    double shared = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto count = static_cast<double>(entries(shapes[i]));
      (whole[i] ? left : shared) += whole[i] ? -count : raw[i] * count;
    }
    const double factor = shared > 0 ? std::max(left, 0.0) / shared : 0;
    bool is_final = true;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      if (!whole[i] && factor * raw[i] > 1) {
        whole[i] = true;
        is_final = false;
      }
    }
    if (is_final) {
      std::vector<double> densities;
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        densities.push_back(whole[i] ? 1 : factor * raw[i]);
      }
      return densities;
    }
  }
}

void check_density(double density) {
  if (!(density > 0 && density <= 1)) {
    fail_input("the density is {}, but must lie above 0 and be at most 1", density);
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
  std::vector<double> densities(prunable.size(), density);
  if (scope == Scope::erk) {
    std::vector<Shape> shapes;
    std::ranges::transform(prunable, std::back_inserter(shapes), &Parameter::shape);
    densities = erk_densities(shapes, density);
  }
  for (std::size_t i = 0; i < prunable.size(); ++i) {
    const at::Tensor limit = scope == Scope::global ? over_all : threshold(scores[i].flatten(), densities[i]);
    prunable[i]->set_mask(mask_above(scores[i], limit, prunable[i]->value.options()));
  }
}

Scores magnitude_scores(Network& network, Scope scope) {
  const bool scale_is_free = scope == Scope::global && has_batch_norm(network.graph());
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(network)) {
    scores.push_back(parameter->value.abs());
    if (scale_is_free) {
      scores.back().div_(weight_deviation(parameter->shape, Initialisation::glorot));
    }
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
