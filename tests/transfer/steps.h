#pragma once

#include <ATen/ATen.h>

#include <string>

#include "ntt/io/safetensors.h"
#include "ntt/transfer/stepper.h"
#include "tests/support/networks.h"

/// Short runs of a stepper.
namespace ntt::transfer_steps {

inline StepOptions quick_options() {
  StepOptions options;
  options.density = 0.3;
  options.density_schedule = DensitySchedule::constant;
  options.mask_interval = 4;
  options.learning_rate = 0.05;
  options.objective.kernel_weight = 0.1;
  options.seed = 9;
  return options;
}

inline Network masked_copy(const Network& teacher, double density, Scope scope = Scope::layer) {
  Network student = teacher.clone();
  mask_by_scores(student, magnitude_scores(student), density, scope);
  return student;
}

inline at::Tensor batch(const Graph& graph, std::int64_t step, at::ScalarType dtype = at::kDouble) {
  return testing_support::draw_inputs(graph, 4, 100 + static_cast<std::uint64_t>(step), dtype);
}

inline at::Tensor saved(Stepper& stepper, const std::string& name) {
  TensorFile checkpoint;
  stepper.save(checkpoint);
  return checkpoint.at(name).clone();
}

}  // namespace ntt::transfer_steps
