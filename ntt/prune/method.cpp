#include "ntt/prune/method.h"

#include <ATen/ATen.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ntt/core/error.h"
#include "ntt/prune/force.h"
#include "ntt/prune/grasp.h"
#include "ntt/prune/ntk_sap.h"
#include "ntt/prune/phew.h"
#include "ntt/prune/prospr.h"
#include "ntt/prune/px.h"
#include "ntt/prune/snip.h"
#include "ntt/prune/synflow.h"

namespace ntt {
namespace {

constexpr const char* kRescaled = "random-rescaled";

Scores by_chance(const ScoringRound& round) {
  return random_scores(round.network, round.seed);
}

Scores by_magnitude(const ScoringRound& round) {
  return magnitude_scores(round.network, round.scope);
}

Scores by_snip(const ScoringRound& round) {
  return snip_scores(round.network, round.data.inputs, round.data.labels);
}

Scores by_force(const ScoringRound& round) {
  return force_scores(round.network, round.data.inputs, round.data.labels);
}

Scores by_logit_snip(const ScoringRound& round) {
  return logit_snip_scores(round.network, round.data.inputs);
}

Scores by_grasp(const ScoringRound& round) {
  return grasp_scores(round.network, round.data.inputs, round.data.labels);
}

Scores by_phew(const ScoringRound& round) {
  return phew_scores(round.network, round.density, round.scope, round.seed);
}

Scores by_px(const ScoringRound& round) {
  return px_scores(round.network, round.data.inputs);
}

Scores by_prospr(const ScoringRound& round) {
  return prospr_scores(round.network, round.data.inputs, round.data.labels);
}

Scores by_synflow(const ScoringRound& round) {
  return synflow_scores(round.network);
}

Scores by_ntk_sap(const ScoringRound& round) {
  NtkSapDraw draw;
  draw.seed = round.seed;
  draw.round = round.number;
  return ntk_sap_scores(round.network, draw);
}

/// The largest scores first become the smallest; what is pruned already stays so.
void invert_scores(Network& network, Scores& scores) {
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = -scores[i];
    if (prunable[i]->pattern) {
      scores[i] = scores[i].masked_fill(prunable[i]->mask().eq(0), -INFINITY);
    }
  }
}

void check_finite(const PruneMethod& method, Network& network, const Scores& scores) {
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!at::isfinite(scores[i]).all().item<bool>()) {
      fail_run("the scores of {} in {} are not finite: an input is a NaN, infinite or far too large", method.name,
               prunable[i]->name);
    }
  }
}

/// Scores that are all alike choose nothing: with them all of a layer's weights would go, tied as they are.
void check_some_differ(const PruneMethod& method, Network& network, const Scores& scores, Scope scope) {
  const auto is_zero = [](const at::Tensor& score) { return score.numel() > 1 && !score.any().item<bool>(); };
  const auto found = std::ranges::find_if(scores, is_zero);
  if (found != scores.end() && (scope != Scope::global || std::ranges::all_of(scores, is_zero))) {
    fail_input(
        "method {} scores all of {} 0, and so cannot choose among them: what it looks at does not get from there to "
        "the outputs, as where a softmax comes last or a clip or tanh saturates; take another method",
        method.name, prunable_parameters(network)[static_cast<std::size_t>(found - scores.begin())]->name);
  }
}

/// Makes up for the weights that are gone, so that the variance of a layer's sums stays.
void rescale(Network& network) {
  for (Parameter* parameter : prunable_parameters(network)) {
    const std::int64_t kept = parameter->kept();
    if (kept > 0) {
      parameter->value.mul_(std::sqrt(static_cast<double>(parameter->value.numel()) / static_cast<double>(kept)));
      parameter->refresh();
    }
  }
}

}  // namespace

std::string PruneMethod::reads() const {
  return reads_labels ? "inputs and labels" : reads_inputs ? "inputs" : "no data";
}

const std::vector<PruneMethod>& prune_methods() {
  static const std::vector<PruneMethod> methods = {
      {"dense", "every weight stays"},
      {"random", "uniform scores", by_chance},
      {kRescaled, "uniform scores; kept weights times 1/sqrt(density)", by_chance},
      {"magnitude", "|w|", by_magnitude},
      {"snip", "|w dL/dw|, L the cross-entropy (Lee et al. 2019)", by_snip, true, true},
      {"logit-snip", "|w d(sum f^2)/dw| (Liu & Zenke 2020)", by_logit_snip, true, false},
      {"iterative-snip", "as snip, of what each round has left (de Jorge et al. 2021)", by_snip, true, true, 60},
      {"force", "|w dL/d(m w)| of pruned weights, too, which may return (de Jorge et al. 2021)", by_force, true, true,
       60},
      {"grasp", "w Hg, g the loss's gradient and H its Hessian (Wang et al. 2020)", by_grasp, true, true, 1, 2},
      {"prospr", "|dL/dc| of factors c of the weights, after three steps of training (Alizadeh et al. 2022)", by_prospr,
       true, true, 1, 2},
      {"synflow", "|w| dR/d|w|, R the flow of magnitudes (Tanaka et al. 2020)", by_synflow, false, false, 100},
      {"ntk-sap", "|d/dm E|f(m w) - f(m (w + dw))|^2|, random weights and inputs (Wang et al. 2023)", by_ntk_sap, false,
       false, 20},
      {"px", "w^2 dR/dw^2, R the paths that the data take times their squared weights (Iurada et al. 2024)", by_px,
       true, false, 100},
      {"phew", "met early by random walks that prefer large |w| (Patil & Dovrolis 2021)", by_phew},
  };
  return methods;
}

const PruneMethod& find_prune_method(std::string_view name) {
  const auto& methods = prune_methods();
  const auto found = std::ranges::find(methods, name, &PruneMethod::name);
  if (found == methods.end()) {
    std::vector<std::string> names;
    std::ranges::transform(methods, std::back_inserter(names), &PruneMethod::name);
    fail_input("there is no pruning method '{}'; known are {}", name, fmt::join(names, ", "));
  }
  return *found;
}

void prune(Network& network, const PruneMethod& method, const PruneData& data, const PruneOptions& options) {
  check_density(options.density);
  if ((method.reads_inputs && !data.inputs.defined()) || (method.reads_labels && !data.labels.defined())) {
    fail_input("method {} reads {}, and was given none", method.name, method.reads_labels ? "labels" : "inputs");
  }
  if (method.scores == nullptr) {
    return;
  }
  const std::int64_t rounds = method.rounds > 1 && options.rounds > 0 ? options.rounds : method.rounds;
  options.observer->progress({"prune", "round", 0, rounds, method.name});
  for (std::int64_t round = 1; round <= rounds; ++round) {
    Scores scores = method.scores({network, data, options.seed, round, options.scope, options.density});
    check_finite(method, network, scores);
    if (round == 1 && options.density < 1) {
      check_some_differ(method, network, scores, options.scope);
    }
    if (options.invert) {
      invert_scores(network, scores);
    }
    const double progress = static_cast<double>(round) / static_cast<double>(rounds);
    mask_by_scores(network, scores, std::pow(options.density, progress), options.scope);
    options.observer->progress({"prune", "round", round, rounds, method.name, round == rounds});
    if (round < rounds && options.observer->stop_requested()) {
      throw Interrupted(fmt::format("pruning was stopped after round {} of {}; nothing was saved", round, rounds));
    }
  }
  if (method.name == kRescaled) {
    rescale(network);
  }
}

std::vector<std::string> empty_layers(const Network& network) {
  std::vector<std::string> names;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->prunable && parameter->kept() == 0) {
      names.push_back(parameter->name);
    }
  }
  return names;
}

}  // namespace ntt
