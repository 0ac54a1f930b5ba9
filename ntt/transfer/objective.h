#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/kernel/linearisation.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Which pairs of inputs the kernel distance counts: first half against second half of the batch, or all i ≠ j.
enum class Pairs { cross, all };

/// Which mean and variance a student's batch norm takes, always as constants (docs/method.md): a running average over
/// its own batches, the teacher's, or its own of each batch.
enum class StudentStatistics { running, frozen, batch };

/// The loss of Neural Tangent Transfer (Liu & Zenke 2020), without its weight penalty, which the optimiser adds.
struct ObjectiveOptions {
  double kernel_weight = 1e-3;  ///< λ_K; 0 leaves the kernels uncomputed
  Pairs pairs = Pairs::cross;
  ParameterSet parameters =
      ParameterSet::all;  ///< which of the student's the kernel counts; the teacher's are all active
  StudentStatistics statistics = StudentStatistics::running;
};

/// How far the student is from the teacher on one batch.
struct Distances {
  double kernel = 0;  ///< mean((Θ_s - Θ_t)²) over pairs and C² entries, or its unbiased estimate from probes
  double target = 0;  ///< mean((f_s - f_t)²) over N·C entries
};

/// Output directions for one batch and what they stand for.
struct Probes {
  at::Tensor directions;  ///< [N, k, C]
  bool exact = false;     ///< unit vectors (k = C), not draws of identity covariance
};

/// The distances on inputs [N, ...]; adds to the gradients the derivative of kernel_weight · kernel + target by the
/// student's parameters. Moves the student's running statistics, unless they are frozen.
Distances add_objective_gradient(const ObjectiveOptions& options, const Network& teacher, Network& student,
                                 const at::Tensor& inputs, const Probes& probes, Gradients& gradients);

/// A teacher's kernel and outputs on fixed inputs, against which students are measured again and again.
class HeldOutDistances {
 public:
  /// @param inputs [N, ...]; the exact kernel between their first and second half is kept, N²C²/4 numbers
  HeldOutDistances(const Network& teacher, at::Tensor inputs);
  /// The exact distances of a student; parameters says which of the student's the kernel counts.
  Distances measure(const Network& student, ParameterSet parameters) const;

 private:
  at::Tensor inputs_;
  at::Tensor teacher_outputs_;
  at::Tensor teacher_kernel_;
};

}  // namespace ntt
