#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/observer.h"
#include "ntt/transfer/stepper.h"

namespace ntt {

enum class InitialMask { magnitude, logit_snip };

/// A whole run of Neural Tangent Transfer; defaults are the published ones but for those of a step.
struct TransferOptions {
  StepOptions step;
  InitialMask initial_mask = InitialMask::magnitude;
  std::int64_t epochs = 20;
  std::int64_t steps = 0;  ///< instead of epochs, if not 0
  std::int64_t batch_size = 64;
  double held_out = 0.002;  ///< share of the training inputs on which the distances are measured
  std::int64_t evaluate_every = 100;
  double checkpoint_seconds = 5;
  bool tensorboard = false;  ///< metrics also as an event file
  bool resume = false;
  std::filesystem::path out;  ///< run folder for metrics and checkpoint; empty: writes nothing
  Observer* observer = &Observer::none();
};

/// A student on the held-out inputs, at one step: a line of metrics.jsonl.
struct TransferEvaluation {
  std::int64_t step = 0;  ///< steps done
  double epoch = 0;       ///< passes over the training inputs done
  Distances distances;
  double density = 0;
  double seconds = 0;  ///< since the start, earlier processes included
};

/// What a run of NTT found out.
struct TransferResult {
  Distances before;  ///< held-out distances of the first student or, of one that begins denser, at its final density
  Distances after;   ///< and of the last
  std::int64_t steps = 0;
  double seconds = 0;                           ///< all of it, over all the processes that it took
  double ms_per_step = 0;                       ///< mean over steps alone, without evaluations and files
  std::vector<TransferEvaluation> evaluations;  ///< of this process
};

/// The steps of a run on so many training inputs.
NTT_API std::int64_t total_steps(const TransferOptions& options, std::int64_t inputs);

/// The student that a run on training inputs [N, ...] starts from: the teacher's weights under the initial mask, for
/// which logit-SNIP takes the first 1000 of them.
NTT_API Network initial_student(const Network& teacher, const TransferOptions& options, const at::Tensor& inputs);

/// Moves the student towards the teacher on training inputs [n, ...] (standardised, no labels). Writes metrics.jsonl
/// every evaluate_every steps and checkpoint.safetensors every checkpoint_seconds into the run folder. With resume,
/// continues from the checkpoint so that the student becomes bit-identical to an uninterrupted run's. Throws
/// Interrupted after saving where the observer asks to stop, RunError naming the step and the last good checkpoint if
/// the loss is no longer finite, InputError where options do not fit the data or the checkpoint.
NTT_API TransferResult transfer(const Network& teacher, Network& student, const at::Tensor& inputs,
                                const TransferOptions& options);

}  // namespace ntt
