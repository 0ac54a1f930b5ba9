#include "ntt/transfer/stepper.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ntt/kernel/probes.h"
#include "ntt/sparse/sparse_products.h"

namespace ntt {

std::int64_t last_mask_update(const StepOptions& options, std::int64_t total_steps) {
  const std::int64_t interval = options.mask_interval;
  return interval > 0 && total_steps > interval ? (total_steps - interval - 1) / interval * interval : 0;
}

double density_at(const StepOptions& options, std::int64_t step, std::int64_t total_steps) {
  if (options.density_schedule == DensitySchedule::constant) {
    return options.density;
  }
  constexpr double kRampShare = 0.7;
  const auto last_update = static_cast<double>(last_mask_update(options, total_steps));
  const double ramp = std::min(kRampShare * static_cast<double>(total_steps), last_update);
  const double progress = ramp > 0 ? std::min(1.0, static_cast<double>(step) / ramp) : 1;
  return options.density + (1 - options.density) * std::pow(1 - progress, 3);
}

Stepper::Stepper(const Network& teacher, Network& student, StepOptions options, std::int64_t total_steps)
    : teacher_(teacher),
      student_(student),
      options_(std::move(options)),
      total_steps_(total_steps),
      optimiser_(student, options_.learning_rate),
      gradients_(student) {
  choose_products(student_, options_.execution);
}

Stepper::~Stepper() {
  optimiser_.settle();
  choose_products(student_, Execution::dense);
}

void Stepper::load(const TensorFile& checkpoint) {
  optimiser_.load(checkpoint);
  choose_products(student_, options_.execution);
}

Probes Stepper::draw_probes(std::int64_t inputs) const {
  const at::TensorOptions options = at::TensorOptions().dtype(student_.dtype()).device(student_.device());
  if (options_.kernel == KernelMode::exact) {
    return {unit_probes(inputs, student_.outputs(), options), true};
  }
  RandomStream stream(options_.seed, "probes", static_cast<std::uint64_t>(steps()));
  return {random_probes(stream, inputs, options_.probes, student_.outputs(), options), false};
}

Distances Stepper::step(const at::Tensor& inputs) {
  gradients_.zero();
  const Distances distances =
      add_objective_gradient(options_.objective, teacher_, student_, inputs, draw_probes(inputs.size(0)), gradients_);
  const double density = density_at(options_, steps(), total_steps_);
  optimiser_.step(gradients_, options_.weight_decay / density);
  const bool mask_is_due = options_.mask_interval > 0 && steps() % options_.mask_interval == 0;
  if (mask_is_due && steps() <= last_mask_update(options_, total_steps_)) {
    optimiser_.settle();
    mask_by_scores(student_, magnitude_scores(student_, options_.scope), density_at(options_, steps(), total_steps_),
                   options_.scope);
    choose_products(student_, options_.execution);
  }
  return distances;
}

}  // namespace ntt
