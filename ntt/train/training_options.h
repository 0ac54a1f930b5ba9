#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ntt/core/api.h"
#include "ntt/core/observer.h"
#include "ntt/nn/network.h"
#include "ntt/nn/optimiser.h"
#include "ntt/sparse/execution.h"
#include "ntt/train/augmentation.h"
#include "ntt/train/mask_updates.h"
#include "ntt/train/schedule.h"

namespace ntt {

/// Whose weights the trained network keeps.
enum class Select { last, best_validation };

/// What moves the weights: Adam, or gradient descent with momentum, Nesterov's or not.
enum class OptimiserKind { adam, sgd, nesterov };

/// "adam", "sgd", "nesterov"; InputError naming them for any other.
NTT_API std::string to_string(OptimiserKind kind);
NTT_API OptimiserKind parse_optimiser(const std::string& name);

/// Supervised training; what is not set is as Liu & Zenke 2020 ran it.
struct TrainingOptions {
  std::int64_t epochs = 50;
  std::int64_t steps = 0;  ///< above 0: this many steps, whatever `epochs` says
  std::int64_t batch_size = 64;
  OptimiserKind optimiser = OptimiserKind::adam;
  double momentum = 0.9;                ///< of sgd and nesterov
  std::optional<double> learning_rate;  ///< the highest; nothing: default_learning_rate()
  std::optional<double> weight_decay;   ///< Adam and Sgd say what it means; nothing: default_weight_decay()
  Schedule schedule;
  double label_smoothing = 0;  ///< so much of each label is spread over all classes (Szegedy et al., CVPR 2016)
  Augmentation augmentation;
  MaskUpdates mask_updates;
  double held_out = 0.1;   ///< fraction of the training inputs for validation
  std::uint64_t seed = 0;  ///< of the split, of the order of inputs and of augmentation
  std::int64_t evaluate_every = 100;
  Select select = Select::last;
  Execution execution = Execution::automatic;
  std::int64_t track = 0;            ///< outputs and kernel on so many inputs at each evaluation (Tracker); 0: none
  const Network* teacher = nullptr;  ///< untrained and dense, for `track` to measure distances to; null: none
  std::optional<std::int64_t> rewind_step;  ///< the network after so many steps is written to `out`, for rewind_to()
  double checkpoint_seconds = 10;
  std::filesystem::path out;  ///< run folder for metrics, track and checkpoint; empty: writes nothing
  bool tensorboard = false;   ///< metrics also as an event file
  bool resume = false;        ///< go on from the folder's checkpoint
  Observer* observer = &Observer::none();
};

/// Of Adam the published 1e-3; with batch norm, which makes a network indifferent to the scale of most weights, 3e-3.
/// Of the others 0.01; with batch norm 0.1, as residual networks are trained.
NTT_API double default_learning_rate(OptimiserKind optimiser, const Graph& graph);
/// Of Adam the published 1e-8, of the others 5e-4.
NTT_API double default_weight_decay(OptimiserKind optimiser);

/// The optimiser of that kind, at the learning rate, which is filled in.
std::unique_ptr<Optimiser> make_optimiser(const TrainingOptions& options, Network& network);

/// InputError naming the first option that cannot be.
void check_training_options(const TrainingOptions& options);

/// What a resumed run must share with the run that it continues, of options with learning rate and weight decay filled
/// in. What is at its default is left out where earlier versions did not have it, so that their checkpoints go on.
std::string identity_of(const TrainingOptions& options, Execution execution, std::int64_t steps);

}  // namespace ntt
