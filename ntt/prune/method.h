#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/observer.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// What a method's scores are taken on; undefined tensors where it reads none.
struct PruneData {
  at::Tensor inputs;  ///< [N, ...], standardised
  at::Tensor labels;  ///< int64 [N]
};

struct PruneOptions {
  double density = 0.03;
  Scope scope = Scope::layer;
  std::int64_t rounds = 0;  ///< of scoring, on the way from dense to the density; 0: the method's own number
  std::uint64_t seed = 0;
  bool invert = false;  ///< keep the weights that the method would prune first
  Observer* observer = &Observer::none();
};

/// What one round of scoring is given.
struct ScoringRound {
  Network& network;
  const PruneData& data;
  std::uint64_t seed;
  std::int64_t number;  ///< counted from 1
  Scope scope;
  double density;  ///< that the last round ends in
};

/// A way to find a sparse initialisation by scores (docs/methods.md).
struct PruneMethod {
  std::string name;
  std::string formula;                              ///< in words, with its source
  Scores (*scores)(const ScoringRound&) = nullptr;  ///< null where every weight stays
  bool reads_inputs = false;
  bool reads_labels = false;
  std::int64_t rounds = 1;  ///< of scoring; above 1 it may be chosen
  std::int64_t passes = 1;  ///< over the inputs that it reads, in a round

  /// "inputs and labels", "inputs" or "no data".
  NTT_API std::string reads() const;
};

/// All methods, in the order in which they are listed.
NTT_API const std::vector<PruneMethod>& prune_methods();
/// The one of that name; InputError naming all of them.
NTT_API const PruneMethod& find_prune_method(std::string_view name);

/// Gives a freshly drawn network the method's masks, and rescaled weights where that is the method. With n rounds the
/// density falls exponentially, density^(round/n), and each round scores what the one before has left (Tanaka et al.
/// 2020). InputError for a density outside (0, 1], for data that the method needs and does not get, and where all
/// scores of a layer are 0; RunError where they are not finite; Interrupted where the observer asks to stop before the
/// last round, the network then being left at the density of a round.
NTT_API void prune(Network& network, const PruneMethod& method, const PruneData& data, const PruneOptions& options);

/// The prunable parameters of which nothing is left.
NTT_API std::vector<std::string> empty_layers(const Network& network);

}  // namespace ntt
