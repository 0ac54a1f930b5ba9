#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ntt/nn/adam.h"
#include "ntt/nn/network.h"
#include "ntt/prune/mask.h"
#include "ntt/sparse/execution.h"
#include "ntt/transfer/objective.h"

namespace ntt {

enum class KernelMode { exact, sketch };
enum class DensitySchedule { constant, cubic };

/// What decides one step of Neural Tangent Transfer. Defaults are the published ones, except where others were found to
/// be better: the sketch comes to a small kernel distance several times sooner (docs/performance.md); learning rate and
/// density schedule, published as 5e-4 and constant, find better networks, the more so the fewer weights they keep
/// (docs/results.md).
struct StepOptions {
  double density = 0.03;  ///< share of weights kept at the end
  Scope scope = Scope::layer;
  KernelMode kernel = KernelMode::sketch;
  std::int64_t probes = 1;  ///< output directions an input in a sketch
  ObjectiveOptions objective;
  double learning_rate = 1e-3;
  double weight_decay = 1e-4;  ///< λ_2: adds (λ_2 / density) Σ‖m⊙W‖² to the loss
  std::int64_t mask_interval = 100;
  DensitySchedule density_schedule = DensitySchedule::cubic;
  Execution execution = Execution::automatic;  ///< of the student's products with its weights
  std::uint64_t seed = 0;
};

/// The step after which a run of so many makes its last masks; 0: it only has those that it starts with.
std::int64_t last_mask_update(const StepOptions& options, std::int64_t total_steps);

/// The density in force at a step of so many: constant, or from 1 down to the goal along a cubic over the first 70 % of
/// the steps (Zhu & Gupta, arXiv 1710.01878), or until the last mask update where that comes before. Constant, too,
/// where no mask update comes at all.
double density_at(const StepOptions& options, std::int64_t step, std::int64_t total_steps);

/// Runs steps of NTT on a teacher and a student that already has its first masks. Everything random in step t is a
/// function of (seed, t), so that a stepper loaded from a checkpoint goes on as if it had never stopped.
class Stepper {
 public:
  Stepper(const Network& teacher, Network& student, StepOptions options, std::int64_t total_steps);
  /// Leaves the student with every weight up to date, and with dense products, as it came.
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  /// One step on a batch [N, ...]: distances, gradients, Adam and, every mask_interval steps but the last ones, new
  /// masks from the magnitudes. Returns the batch's distances before the update.
  Distances step(const at::Tensor& inputs);

  std::int64_t steps() const { return optimiser_.steps(); }

  /// Adds what the next steps depend on to a checkpoint, and takes it back, as Adam does.
  void save(TensorFile& checkpoint) { optimiser_.save(checkpoint); }
  void load(const TensorFile& checkpoint);

 private:
  Probes draw_probes(std::int64_t inputs) const;

  const Network& teacher_;
  Network& student_;
  StepOptions options_;
  std::int64_t total_steps_;
  Adam optimiser_;
  Gradients gradients_;
};

}  // namespace ntt
