#include "ntt/transfer/objective.h"

#include <ATen/ATen.h>

#include "ntt/core/fused.h"
#include "ntt/kernel/probes.h"
#include "ntt/nn/statistics.h"

namespace ntt {
namespace {

/// Both sides of a batch's kernel.
struct Sides {
  Side left;
  Side right;
};

Sides sides_of(Linearisation& batch, Pairs pairs) {
  const std::int64_t n = batch.inputs();
  if (pairs == Pairs::all) {
    return {{&batch, 0, n}, {&batch, 0, n}};
  }
  return {{&batch, 0, n / 2}, {&batch, n / 2, n - n / 2}};
}

/// Clears the blocks i = j, whose two sides share their probes: there the estimate is biased.
void clear_diagonal_blocks(at::Tensor& kernel, std::int64_t inputs) {
  const std::int64_t probes = kernel.size(0) / inputs;
  kernel.view({inputs, probes, inputs, probes}).diagonal(0, 0, 2).zero_();
}

/// What the sum of squares over kernel entries is multiplied with to give the mean over pairs and C² entries. Random
/// probes: the mean over probe pairs of (vᵀ Δ v')² estimates ‖Δ‖², so that it is divided by k²C².
double mean_factor(const Sides& sides, Pairs pairs, const Probes& probes) {
  const auto n = static_cast<double>(sides.left.count);
  const auto m = static_cast<double>(sides.right.count);
  const auto k = static_cast<double>(probes.directions.size(1));
  const auto c = static_cast<double>(probes.directions.size(2));
  const double input_pairs = pairs == Pairs::all ? n * (n - 1) : n * m;
  return 1 / (input_pairs * c * c * (probes.exact ? 1 : k * k));
}

}  // namespace

Distances add_objective_gradient(const ObjectiveOptions& options, const Network& teacher, Network& student,
                                 const at::Tensor& inputs, const Probes& probes, Gradients& gradients) {
  const bool wants_kernel = options.kernel_weight != 0;
  const at::Tensor directions = wants_kernel ? probes.directions : probes.directions.narrow(1, 0, 0);
  Linearisation of_teacher = linearise(teacher, inputs, directions);
  const bool own_batch = options.statistics == StudentStatistics::batch;
  Linearisation of_student =
      linearise(student, inputs, directions, own_batch ? Statistics::batch_constant : Statistics::running);
  if (options.statistics != StudentStatistics::frozen) {
    update_running_statistics(student, of_student.tape);
  }

  Distances distances;
  at::Tensor difference = of_student.outputs - of_teacher.outputs;
  const auto entries = static_cast<double>(difference.numel());
  distances.target = sum_of_squares(difference) / entries;
  const at::Tensor outputs_cotangent = difference.mul_(2 / entries);
  if (!wants_kernel) {
    forward_adjoint(student, outputs_cotangent, of_student.tape, gradients);
    return distances;
  }

  const Sides teacher_sides = sides_of(of_teacher, options.pairs);
  const Sides student_sides = sides_of(of_student, options.pairs);
  at::Tensor reference = kernel(teacher, teacher_sides.left, teacher_sides.right, ParameterSet::all);
  KernelCache cache;
  at::Tensor delta = kernel(student, student_sides.left, student_sides.right, options.parameters, &cache);
  if (options.pairs == Pairs::all) {
    clear_diagonal_blocks(delta, of_student.inputs());
    clear_diagonal_blocks(reference, of_teacher.inputs());
  }
  const double factor = mean_factor(student_sides, options.pairs, probes);
  distances.kernel = factor * subtract_and_square(delta, reference);
  const at::Tensor cotangent = delta.mul_(2 * factor * options.kernel_weight);
  kernel_adjoint(student, of_student, student_sides.left, student_sides.right, options.parameters, cache, cotangent,
                 outputs_cotangent, gradients);
  return distances;
}

HeldOutDistances::HeldOutDistances(const Network& teacher, at::Tensor inputs) : inputs_(std::move(inputs)) {
  Linearisation batch = linearise(teacher, inputs_, unit_probes(inputs_.size(0), teacher.outputs(), inputs_.options()));
  const Sides sides = sides_of(batch, Pairs::cross);
  teacher_outputs_ = batch.outputs;
  teacher_kernel_ = kernel(teacher, sides.left, sides.right, ParameterSet::all);
}

Distances HeldOutDistances::measure(const Network& student, ParameterSet parameters) const {
  Linearisation batch = linearise(student, inputs_, unit_probes(inputs_.size(0), student.outputs(), inputs_.options()));
  const Sides sides = sides_of(batch, Pairs::cross);
  at::Tensor difference = kernel(student, sides.left, sides.right, parameters);
  const double squares = subtract_and_square(difference, teacher_kernel_);
  return {squares / static_cast<double>(difference.numel()),
          sum_of_squares(batch.outputs - teacher_outputs_) / static_cast<double>(teacher_outputs_.numel())};
}

}  // namespace ntt
