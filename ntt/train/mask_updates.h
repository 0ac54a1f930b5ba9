#pragma once

#include <cstdint>
#include <string>

#include "ntt/core/api.h"
#include "ntt/nn/optimiser.h"

namespace ntt {

/// By which rule masks change while a network is trained: not at all, as SET or as RigL.
enum class MaskRule { none, set, rigl };

/// "none", "set", "rigl"; InputError naming them for any other.
NTT_API std::string to_string(MaskRule rule);
NTT_API MaskRule parse_mask_rule(const std::string& name);

/// Dynamic sparse training: at intervals each layer gives up its smallest weights and gets as many others, which begin
/// at 0. SET (Mocanu et al., Nature Communications 2018) takes those at random, RigL (Evci et al., ICML 2020, algorithm
/// 1) where the loss's gradient is largest; the schedule is RigL's for both.
struct MaskUpdates {
  MaskRule rule = MaskRule::none;
  std::int64_t interval = 100;  ///< steps from one to the next
  double share = 0.3;           ///< of a layer's weights that are exchanged, at first
  double until = 0.75;          ///< share of the steps after which masks stay

  /// Whether step `done`, counted from 0, of `steps` changes masks.
  bool due(std::int64_t done, std::int64_t steps) const;
  /// Which share of a layer's weights it exchanges: share / 2 · (1 + cos(π done / (until · steps))).
  double share_at(std::int64_t done, std::int64_t steps) const;
};

/// Exchanges a share of each masked parameter's weights: floor(share · kept) of the smallest go, and of all that are
/// then pruned as many come with the largest |gradient| or, without gradients, at random by (seed, step). One that goes
/// and comes back at once stays as it was; the others that come have the value 0, and all that changed have the
/// optimiser's state 0. The optimiser is settled.
/// @param gradients dense: of pruned weights, too; null for random ones
void exchange_weights(Network& network, Optimiser& optimiser, const Gradients* gradients, double share,
                      std::uint64_t seed, std::int64_t step);

}  // namespace ntt
