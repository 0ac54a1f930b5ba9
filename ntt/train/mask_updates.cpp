#include "ntt/train/mask_updates.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ntt/core/error.h"
#include "ntt/core/random.h"

namespace ntt {
namespace {

/// The indices of the `count` largest of the scores where `among` is set; ties by index.
at::Tensor largest(const at::Tensor& scores, const at::Tensor& among, std::int64_t count) {
  const at::Tensor candidates = among.nonzero().flatten();
  const at::Tensor order = std::get<1>(at::sort(scores.index_select(0, candidates), /*stable=*/true, 0, true));
  return candidates.index_select(0, order.narrow(0, 0, count));
}

at::Tensor random_order(const Parameter& parameter, std::uint64_t seed, std::int64_t step) {
  RandomStream stream(seed, "mask-updates-" + parameter.name, static_cast<std::uint64_t>(step));
  return random_permutation(stream, parameter.value.numel()).to(parameter.value.device());
}

/// What the parameter keeps from now on, flattened.
at::Tensor exchanged(const Parameter& parameter, const at::Tensor& wishes, double share) {
  at::Tensor kept = parameter.mask().flatten().ne(0);
  const std::int64_t count = parameter.kept();
  const auto moved = std::min(static_cast<std::int64_t>(std::floor(share * static_cast<double>(count))),
                              parameter.value.numel() - count);
  kept = kept.clone().index_fill_(0, largest(-parameter.value.flatten().abs(), kept, moved), false);
  return kept.index_fill_(0, largest(wishes, kept.logical_not(), moved), true);
}

}  // namespace

std::string to_string(MaskRule rule) {
  switch (rule) {
    case MaskRule::set:
      return "set";
    case MaskRule::rigl:
      return "rigl";
    default:
      return "none";
  }
}

MaskRule parse_mask_rule(const std::string& name) {
  for (const MaskRule rule : {MaskRule::none, MaskRule::set, MaskRule::rigl}) {
    if (to_string(rule) == name) {
      return rule;
    }
  }
  fail_input("there is no rule '{}' for changing masks; known are none, set and rigl", name);
}

bool MaskUpdates::due(std::int64_t done, std::int64_t steps) const {
  return rule != MaskRule::none && done > 0 && done % interval == 0 &&
         static_cast<double>(done) < until * static_cast<double>(steps);
}

double MaskUpdates::share_at(std::int64_t done, std::int64_t steps) const {
  return share / 2 *
         (1 + std::cos(std::numbers::pi * static_cast<double>(done) / (until * static_cast<double>(steps))));
}

void exchange_weights(Network& network, Optimiser& optimiser, const Gradients* gradients, double share,
                      std::uint64_t seed, std::int64_t step) {
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    Parameter& parameter = *network.parameters()[i];
    if (!parameter.pattern) {
      continue;
    }
    const at::Tensor wishes =
        gradients != nullptr ? gradients->of(parameter).flatten().abs() : random_order(parameter, seed, step);
    const at::Tensor kept = exchanged(parameter, wishes, share).view(parameter.value.sizes());
    const at::Tensor changed = kept.ne(parameter.mask().ne(0));
    parameter.value.masked_fill_(changed, 0);
    {
      const c10::InferenceMode ordinary(false);  // whoever has the network may change its tensors in any mode
      parameter.set_mask(kept.to(parameter.value.scalar_type()));
    }
    for (at::Tensor& state : optimiser.states()[i]) {
      if (state.defined()) {
        state.masked_fill_(changed, 0);
      }
    }
  }
}

}  // namespace ntt
