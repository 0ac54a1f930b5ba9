#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"
#include "ntt/train/evaluation.h"
#include "ntt/train/training_options.h"

namespace ntt {

/// Inputs [N, ...] of the network's dtype and device, standardised, with labels int64 [N].
struct TrainingData {
  at::Tensor train_inputs;
  at::Tensor train_labels;
  at::Tensor test_inputs;  ///< undefined, as the labels: there is no test accuracy
  at::Tensor test_labels;
};

/// What training found.
struct TrainingResult {
  Evaluation last;  ///< after the last step
  Evaluation best;  ///< of best validation accuracy, the earliest of equals; `last` without held-out inputs
  double mean_test_accuracy = 0;  ///< over the last ten evaluations, or as many as there were
  std::int64_t steps = 0;
  double seconds = 0;                      ///< all of it, earlier processes included
  double evaluation_seconds = 0;           ///< the share spent on evaluations
  double ms_per_step = 0;                  ///< of training alone
  Execution execution = Execution::dense;  ///< how the steps were computed: sparse or dense
  std::vector<Evaluation> evaluations;     ///< of this process
};

/// Trains the network in place on the cross-entropy; masks stay, pruned weights stay exactly 0. Each epoch has an order
/// of its own, and its last partial batch is dropped. Writes a line of metrics.jsonl before the first
/// step, after every `evaluate_every`-th and after the last; with `track`, the first held-out inputs (or, if none are
/// held out, training inputs) are followed at the same steps, and track.safetensors is written at the end.
///
/// A function of network, data and options alone, sparse or dense execution being one of those, and of the number of
/// threads as far as it changes sums; a resumed run ends bit-identical to an uninterrupted one.
///
/// InputError for options or data that do not fit, RunError naming the step where the loss is no longer finite,
/// Interrupted where the observer asks to stop, with the state saved.
NTT_API TrainingResult train(Network& network, const TrainingData& data, const TrainingOptions& options);

}  // namespace ntt
