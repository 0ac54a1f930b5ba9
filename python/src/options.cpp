#include "python/src/options.h"

#include <nanobind/stl/vector.h>

#include "ntt/find/find.h"
#include "ntt/nn/model.h"
#include "ntt/train/trainer.h"
#include "python/src/bindings.h"
#include "python/src/words.h"

namespace ntt::python {
namespace {

// The names are those of the program's options, with underscores; what they mean is said where the structs are.
void bind_find_options(nanobind::module_& module) {
  using Options = FindOptions;
  OptionClass<Options>(module, "FindOptions", "How a sparse network is found.")
      .field(
          "method", [](Options & o) -> auto& { return o.method; })
      .number(
          "density", [](Options & o) -> auto& { return o.transfer.step.density; }, kShare)
      .choice(
          "scope", [](Options & o) -> auto& { return o.transfer.step.scope; }, kScopes)
      .choice(
          "kernel", [](Options & o) -> auto& { return o.transfer.step.kernel; }, kKernels)
      .number(
          "probes", [](Options & o) -> auto& { return o.transfer.step.probes; }, kCount)
      .choice(
          "pairs", [](Options & o) -> auto& { return o.transfer.step.objective.pairs; }, kPairs)
      .choice(
          "parameters", [](Options & o) -> auto& { return o.transfer.step.objective.parameters; }, kParameterSets)
      .choice(
          "batch_norm", [](Options & o) -> auto& { return o.transfer.step.objective.statistics; }, kStatistics)
      .optional_number(
          "learning_rate", [](Options & o) -> auto& { return o.learning_rate; }, kPositive)
      .optional_number(
          "kernel_weight", [](Options & o) -> auto& { return o.kernel_weight; }, kNotNegative)
      .optional_number(
          "mask_interval", [](Options & o) -> auto& { return o.mask_interval; }, kNotNegative)
      .choice(
          "density_schedule", [](Options & o) -> auto& { return o.transfer.step.density_schedule; }, kSchedules)
      .choice(
          "execution", [](Options & o) -> auto& { return o.transfer.step.execution; }, kExecutions)
      .number(
          "seed", [](Options & o) -> auto& { return o.transfer.step.seed; }, kNotNegative)
      .number(
          "batch_size", [](Options & o) -> auto& { return o.transfer.batch_size; }, Range{2})
      .number(
          "epochs", [](Options & o) -> auto& { return o.transfer.epochs; }, kCount)
      .number(
          "steps", [](Options & o) -> auto& { return o.transfer.steps; }, kNotNegative)
      .choice(
          "initial_mask", [](Options & o) -> auto& { return o.transfer.initial_mask; }, kInitialMasks)
      .number(
          "held_out", [](Options & o) -> auto& { return o.transfer.held_out; }, Range{1e-6, 0.5})
      .number(
          "evaluate_interval", [](Options & o) -> auto& { return o.transfer.evaluate_every; }, kCount)
      .number(
          "checkpoint_seconds", [](Options & o) -> auto& { return o.transfer.checkpoint_seconds; }, kNotNegative)
      .field(
          "tensorboard", [](Options & o) -> auto& { return o.transfer.tensorboard; })
      .optional_number(
          "weight_decay", [](Options & o) -> auto& { return o.weight_decay; }, kNotNegative)
      .number(
          "samples", [](Options & o) -> auto& { return o.samples; }, kCount)
      .number(
          "rounds", [](Options & o) -> auto& { return o.rounds; }, kNotNegative);
}

void bind_training_options(nanobind::module_& module) {
  using Options = TrainingOptions;
  OptionClass<Options>(module, "TrainingOptions", "How a network is trained.")
      .number(
          "epochs", [](Options & o) -> auto& { return o.epochs; }, kCount)
      .number(
          "steps", [](Options & o) -> auto& { return o.steps; }, kNotNegative)
      .number(
          "batch_size", [](Options & o) -> auto& { return o.batch_size; }, kCount)
      .optional_number(
          "learning_rate", [](Options & o) -> auto& { return o.learning_rate; }, kPositive)
      .optional_number(
          "weight_decay", [](Options & o) -> auto& { return o.weight_decay; }, kNotNegative)
      .choice(
          "optimiser", [](Options & o) -> auto& { return o.optimiser; }, kOptimisers)
      .number(
          "momentum", [](Options & o) -> auto& { return o.momentum; }, Range{0, 1})
      .choice(
          "schedule", [](Options & o) -> auto& { return o.schedule.kind; }, kRateSchedules)
      .number(
          "warm_up", [](Options & o) -> auto& { return o.schedule.warm_up; }, kNotNegative)
      .field(
          "milestones", [](Options & o) -> auto& { return o.schedule.milestones; })
      .number(
          "gamma", [](Options & o) -> auto& { return o.schedule.gamma; }, Range{1e-6, 1})
      .number(
          "label_smoothing", [](Options & o) -> auto& { return o.label_smoothing; }, Range{0, 0.99})
      .choice(
          "mask_updates", [](Options & o) -> auto& { return o.mask_updates.rule; }, kMaskRules)
      .number(
          "mask_interval", [](Options & o) -> auto& { return o.mask_updates.interval; }, kCount)
      .number(
          "mask_share", [](Options & o) -> auto& { return o.mask_updates.share; }, Range{0, 1})
      .number(
          "mask_until", [](Options & o) -> auto& { return o.mask_updates.until; }, Range{0, 1})
      .optional_number(
          "rewind_step", [](Options & o) -> auto& { return o.rewind_step; }, kNotNegative)
      .property(
          "augment", [](const Options& o) { return names_of(o.augmentation); },
          [](Options& o, const std::vector<std::string>& names) { o.augmentation = parse_augmentation(names); })
      .number(
          "held_out", [](Options & o) -> auto& { return o.held_out; }, Range{0, 0.99})
      .number(
          "evaluate_interval", [](Options & o) -> auto& { return o.evaluate_every; }, kCount)
      .choice(
          "select", [](Options & o) -> auto& { return o.select; }, kSelects)
      .choice(
          "execution", [](Options & o) -> auto& { return o.execution; }, kExecutions)
      .number(
          "seed", [](Options & o) -> auto& { return o.seed; }, kNotNegative)
      .number(
          "track", [](Options & o) -> auto& { return o.track; }, kNotNegative)
      .number(
          "checkpoint_seconds", [](Options & o) -> auto& { return o.checkpoint_seconds; }, kNotNegative)
      .field(
          "tensorboard", [](Options & o) -> auto& { return o.tensorboard; });
}

void bind_weight_options(nanobind::module_& module) {
  using Options = WeightOptions;
  OptionClass<Options>(module, "WeightOptions", "Where a dense network's weights come from.")
      .choice(
          "weights", [](Options & o) -> auto& { return o.given; }, Words<bool>{{"random", false}, {"given", true}})
      .optional_choice(
          "initialisation", [](Options & o) -> auto& { return o.initialisation; }, kInitialisations);
}

}  // namespace

void bind_options(nanobind::module_& module) {
  bind_find_options(module);
  bind_training_options(module);
  bind_weight_options(module);
}

}  // namespace ntt::python
