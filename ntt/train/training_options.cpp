#include "ntt/train/training_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ntt/core/error.h"
#include "ntt/nn/adam.h"
#include "ntt/nn/sgd.h"
#include "ntt/nn/statistics.h"

namespace ntt {
namespace {

void check_schedule(const TrainingOptions& options) {
  const Schedule& schedule = options.schedule;
  if (schedule.warm_up < 0) {
    fail_input("the warm-up is {} steps, but must be at least 0", schedule.warm_up);
  }
  if (!(schedule.gamma > 0 && schedule.gamma <= 1)) {
    fail_input("gamma, by which milestones multiply the learning rate, is {}, but must be above 0 and at most 1",
               schedule.gamma);
  }
  const auto outside = [](double share) { return !(share >= 0 && share <= 1); };
  if (const auto found = std::ranges::find_if(schedule.milestones, outside); found != schedule.milestones.end()) {
    fail_input("milestone {} must be a share of the steps, from 0 to 1", *found);
  }
}

void check_mask_updates(const TrainingOptions& options) {
  const MaskUpdates& updates = options.mask_updates;
  if (updates.interval < 1 || !(updates.share >= 0 && updates.share <= 1) ||
      !(updates.until >= 0 && updates.until <= 1)) {
    fail_input(
        "masks change every {} steps, by a share of {}, until {} of the run; the interval must be at least 1, the "
        "others from 0 to 1",
        updates.interval, updates.share, updates.until);
  }
  if (updates.rule != MaskRule::none && options.select == Select::best_validation) {
    fail_input("weights of best validation can be kept under masks that stay only; keep the last, or change no masks");
  }
}

std::string describe(const Schedule& schedule) {
  std::string text = ", schedule " + to_string(schedule.kind);
  if (schedule.kind == ScheduleKind::step) {
    text += fmt::format(" of {} at {}", schedule.gamma, fmt::join(schedule.milestones, " "));
  }
  return schedule.warm_up > 0 ? fmt::format("{} with {} steps of warm-up", text, schedule.warm_up) : text;
}

}  // namespace

std::string to_string(OptimiserKind kind) {
  switch (kind) {
    case OptimiserKind::sgd:
      return "sgd";
    case OptimiserKind::nesterov:
      return "nesterov";
    default:
      return "adam";
  }
}

OptimiserKind parse_optimiser(const std::string& name) {
  for (const OptimiserKind kind : {OptimiserKind::adam, OptimiserKind::sgd, OptimiserKind::nesterov}) {
    if (to_string(kind) == name) {
      return kind;
    }
  }
  fail_input("there is no optimiser '{}'; known are adam, sgd and nesterov", name);
}

double default_learning_rate(OptimiserKind optimiser, const Graph& graph) {
  const bool normalised = has_batch_norm(graph);
  if (optimiser == OptimiserKind::adam) {
    return normalised ? 3e-3 : 1e-3;
  }
  return normalised ? 0.1 : 0.01;
}

double default_weight_decay(OptimiserKind optimiser) {
  return optimiser == OptimiserKind::adam ? 1e-8 : 5e-4;
}

std::unique_ptr<Optimiser> make_optimiser(const TrainingOptions& options, Network& network) {
  if (options.optimiser == OptimiserKind::adam) {
    return std::make_unique<Adam>(network, *options.learning_rate);
  }
  return std::make_unique<Sgd>(network, *options.learning_rate, options.momentum,
                               options.optimiser == OptimiserKind::nesterov);
}

void check_training_options(const TrainingOptions& options) {
  if (options.batch_size < 1 || options.evaluate_every < 1 || options.steps < 0 || options.epochs < 1) {
    fail_input("batch size {}, evaluation interval {} and epochs {} must be at least 1, and steps {} not below 0",
               options.batch_size, options.evaluate_every, options.epochs, options.steps);
  }
  const double learning_rate = options.learning_rate.value_or(1);
  const double weight_decay = options.weight_decay.value_or(0);
  if (!(learning_rate > 0) || !std::isfinite(learning_rate) || !(weight_decay >= 0) || !std::isfinite(weight_decay)) {
    fail_input("the learning rate {} must be above 0 and the weight decay {} at least 0, both finite", learning_rate,
               weight_decay);
  }
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail_input("the momentum is {}, but must be at least 0 and below 1", options.momentum);
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing < 1)) {
    fail_input("the label smoothing is {}, but must be at least 0 and below 1", options.label_smoothing);
  }
  if (options.rewind_step.value_or(0) < 0) {
    fail_input("the step whose network is kept is {}, but must be at least 0", *options.rewind_step);
  }
  check_schedule(options);
  check_mask_updates(options);
  if (options.select == Select::best_validation && !(options.held_out > 0)) {
    fail_input("to keep the weights of best validation, a part of the training inputs must be held out, not {}",
               options.held_out);
  }
}

std::string identity_of(const TrainingOptions& options, Execution execution, std::int64_t steps) {
  std::string text = fmt::format(
      "{} steps, seed {}, batch size {}, learning rate {}, weight decay {}, held out {}, evaluation interval {}, {}, "
      "{} execution",
      steps, options.seed, options.batch_size, *options.learning_rate, *options.weight_decay, options.held_out,
      options.evaluate_every, options.select == Select::last ? "last weights" : "best weights", to_string(execution));
  if (options.track > 0) {
    text += fmt::format(", {} inputs tracked", options.track);
  }
  if (options.optimiser != OptimiserKind::adam) {
    text += fmt::format(", {} with momentum {}", to_string(options.optimiser), options.momentum);
  }
  if (options.schedule.kind != ScheduleKind::constant || options.schedule.warm_up > 0) {
    text += describe(options.schedule);
  }
  if (options.label_smoothing > 0) {
    text += fmt::format(", label smoothing {}", options.label_smoothing);
  }
  if (options.augmentation.any()) {
    text += fmt::format(", augmentation {}", fmt::join(names_of(options.augmentation), " "));
  }
  if (const MaskUpdates& updates = options.mask_updates; updates.rule != MaskRule::none) {
    text += fmt::format(", {} every {} steps by {} until {}", to_string(updates.rule), updates.interval, updates.share,
                        updates.until);
  }
  return text;
}

}  // namespace ntt
