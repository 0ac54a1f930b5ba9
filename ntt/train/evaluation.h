#pragma once

#include <cstdint>
#include <limits>

namespace ntt {

/// The state of a training run at one step: a line of metrics.jsonl. NaN stands for what does not exist, and is null in
/// JSON; distances to a teacher and top-5 accuracies are then left out.
struct Evaluation {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::int64_t step = 0;               ///< steps done
  std::int64_t epoch = 0;              ///< epochs done
  double train_loss = kNone;           ///< mean cross-entropy of the batches since the evaluation before
  double train_accuracy = kNone;       ///< on a fixed part of the training inputs
  double validation_accuracy = kNone;  ///< on the held-out inputs
  double validation_loss = kNone;
  double test_accuracy = kNone;
  double test_loss = kNone;
  double validation_top5_accuracy = kNone;  ///< NaN where there are five classes or fewer, as the next
  double test_top5_accuracy = kNone;
  double seconds = 0;               ///< since the start, evaluations and earlier processes included
  double kernel_distance = kNone;   ///< to the untrained teacher, on the tracked inputs; as the next two
  double kernel_alignment = kNone;  ///< cosine of the two kernels
  double target_distance = kNone;
};

}  // namespace ntt
