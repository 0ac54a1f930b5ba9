#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ntt/nn/network.h"
#include "ntt/nn/optimiser.h"
#include "ntt/train/evaluation.h"
#include "ntt/train/tracker.h"

namespace ntt {

/// All that a training run carries from step to step beside the network and its optimiser.
struct TrainingState {
  std::int64_t step = 0;           ///< steps done
  double loss_sum = 0;             ///< of the batches since the last evaluation
  std::int64_t loss_count = 0;     ///< how many those are
  std::int64_t metrics_lines = 0;  ///< lines of metrics.jsonl
  double seconds = 0;              ///< all of it
  double step_seconds = 0;         ///< in training steps
  double evaluation_seconds = 0;   ///< in evaluations
  Evaluation last;
  Evaluation best;                      ///< step 0: none yet
  std::vector<double> test_accuracies;  ///< of the last ten evaluations
  Track track;                          ///< of the evaluations so far; empty where not asked for
  std::vector<at::Tensor> best_values;  ///< kept entries of all parameters at `best`; empty where not asked for
};

/// Writes network, optimiser and state as one checkpoint. `identity` tells runs with other options apart.
/// RunError where a weight is not finite; the checkpoint that was there then stays.
void save_checkpoint(const std::filesystem::path& path, const Network& network, Optimiser& optimiser,
                     const TrainingState& state, const std::string& identity);

/// Takes a checkpoint back; InputError naming the file where it is none of training or of a run with other options.
TrainingState load_checkpoint(const std::filesystem::path& path, const Network& network, Optimiser& optimiser,
                              const std::string& identity);

}  // namespace ntt
