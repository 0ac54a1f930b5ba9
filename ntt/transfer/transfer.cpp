#include "ntt/transfer/transfer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/data/dataset.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/prune/snip.h"
#include "ntt/transfer/evaluation_json.h"

namespace ntt {

void to_json(nlohmann::json& json, const TransferEvaluation& evaluation) {
  json = {{"step", evaluation.step},
          {"epoch", evaluation.epoch},
          {"kernel_distance", evaluation.distances.kernel},
          {"target_distance", evaluation.distances.target},
          {"density", evaluation.density},
          {"seconds", evaluation.seconds}};
}

namespace {

constexpr const char* kCounters = "transfer.counters";
constexpr const char* kFigures = "transfer.figures";

/// One run: its data, its state between steps, and its files.
class Run {
 public:
  Run(const Network& teacher, Network& student, const at::Tensor& inputs, const TransferOptions& options)
      : teacher_(teacher),
        student_(student),
        inputs_(inputs),
        options_(options),
        split_(split_indices(inputs.size(0), options.held_out, options.step.seed)),
        steps_per_epoch_(split_.train.size(0) / options.batch_size),
        total_steps_(total_steps(options, inputs.size(0))),
        stepper_(teacher, student, options.step, total_steps_),
        folder_(options.out),
        metrics_(folder_.file(kMetricsFile), options.tensorboard) {
    check_sizes();
    held_out_.emplace(teacher, inputs_.index_select(0, split_.held_out.to(inputs_.device())));
  }

  TransferResult run() {
    if (options_.resume) {
      load_checkpoint();
    } else {
      if (writes()) {
        metrics_.truncate_to(0);
      }
      evaluate();
      result_.before = first_distances();
      save_checkpoint();
    }
    tell_progress();
    while (stepper_.steps() < total_steps_) {
      one_step();
      if (stepper_.steps() % options_.evaluate_every == 0 || stepper_.steps() == total_steps_) {
        evaluate();
      }
      tell_progress();
      stop_if_requested();
      if (clock_.seconds() - last_checkpoint_ >= options_.checkpoint_seconds) {
        save_checkpoint();
      }
    }
    tell_progress(true);
    result_.after = last_distances_;
    result_.steps = total_steps_;
    result_.seconds = seconds();
    result_.ms_per_step = 1e3 * step_seconds_ / static_cast<double>(total_steps_);
    return result_;
  }

 private:
  void check_sizes() const {
    if (options_.batch_size < 2) {
      fail_input("the batch size is {}, but a kernel needs at least 2 inputs", options_.batch_size);
    }
    if (steps_per_epoch_ < 1) {
      fail_input("the batch size {} is more than the {} training inputs that are not held out", options_.batch_size,
                 split_.train.size(0));
    }
    if (split_.held_out.size(0) < 2) {
      fail_input("the held-out share {} leaves {} inputs to measure the distances on; at least 2 are needed",
                 options_.held_out, split_.held_out.size(0));
    }
    if (options_.resume && !writes()) {
      fail_input("there is no run folder to resume from");
    }
  }

  bool writes() const { return !options_.out.empty(); }

  void tell_progress(bool finished = false) const {
    options_.observer->progress({"transfer", "step", stepper_.steps(), total_steps_, summary(), finished});
  }

  void stop_if_requested() {
    if (!options_.observer->stop_requested()) {
      return;
    }
    save_checkpoint();
    throw Interrupted(fmt::format("the transfer was stopped at step {} of {}{}", stepper_.steps(), total_steps_,
                                  writes() ? "" : "; nothing was saved"));
  }

  double seconds() const { return earlier_seconds_ + clock_.seconds(); }

  std::string summary() const {
    return fmt::format("kernel {:.4g} target {:.3g}", last_distances_.kernel, last_distances_.target);
  }

  at::Tensor next_batch() {
    const std::int64_t epoch = stepper_.steps() / steps_per_epoch_;
    if (epoch != epoch_) {
      order_ = epoch_order(split_.train, options_.step.seed, epoch);
      epoch_ = epoch;
    }
    const std::int64_t first = stepper_.steps() % steps_per_epoch_ * options_.batch_size;
    return inputs_.index_select(0, order_.narrow(0, first, options_.batch_size).to(inputs_.device()));
  }

  void one_step() {
    const at::Tensor batch = next_batch();
    const Stopwatch step_clock;
    const Distances distances = stepper_.step(batch);
    step_seconds_ += step_clock.seconds();
    check_finite(distances);
  }

  void check_finite(const Distances& distances) const {
    if (!std::isfinite(distances.kernel) || !std::isfinite(distances.target)) {
      fail_diverged();
    }
  }

  [[noreturn]] void fail_diverged() const {
    if (checkpoint_step_ < 0) {
      fail_input("the distances of the first student are not finite: an input is a NaN, infinite or far too large");
    }
    const std::string good = writes() ? fmt::format("; the last good checkpoint is of step {}, in {}", checkpoint_step_,
                                                    folder_.file(kCheckpointFile).string())
                                      : "";
    fail_run("the loss is no longer finite at step {}{}: try a lower learning rate or kernel weight", stepper_.steps(),
             good);
  }

  void evaluate() {
    last_distances_ = held_out_->measure(student_, options_.step.objective.parameters);
    check_finite(last_distances_);
    const TransferEvaluation now{stepper_.steps(),
                                 static_cast<double>(stepper_.steps()) / static_cast<double>(steps_per_epoch_),
                                 last_distances_, student_.density(), seconds()};
    result_.evaluations.push_back(now);
    if (!writes()) {
      return;
    }
    metrics_.append(now);
    ++metrics_lines_;
  }

  /// What the first mask alone would come to. A student that begins dense is the teacher itself, at distance 0.
  Distances first_distances() const {
    if (density_at(options_.step, 0, total_steps_) == options_.step.density) {
      return last_distances_;
    }
    TransferOptions at_goal = options_;
    at_goal.step.density_schedule = DensitySchedule::constant;
    return held_out_->measure(initial_student(teacher_, at_goal, inputs_), options_.step.objective.parameters);
  }

  bool is_finite() const {
    const auto& parameters = static_cast<const Network&>(student_).parameters();
    return std::all_of(parameters.begin(), parameters.end(),
                       [](const Parameter* parameter) { return at::isfinite(parameter->value).all().item<bool>(); });
  }

  void save_checkpoint() {
    if (!is_finite()) {
      fail_diverged();
    }
    if (writes()) {
      write_checkpoint();
    }
    checkpoint_step_ = stepper_.steps();
    last_checkpoint_ = clock_.seconds();
  }

  void write_checkpoint() {
    TensorFile checkpoint;
    stepper_.save(checkpoint);
    checkpoint.tensors.emplace_back(kCounters, at::tensor({stepper_.steps(), metrics_lines_}, at::kLong));
    checkpoint.tensors.emplace_back(kFigures,
                                    at::tensor({seconds(), step_seconds_, result_.before.kernel, result_.before.target,
                                                last_distances_.kernel, last_distances_.target},
                                               at::kDouble));
    write_safetensors(folder_.file(kCheckpointFile), checkpoint);
  }

  void load_checkpoint() {
    if (!folder_.resumable()) {
      fail_input("{} has no {} to resume from", folder_.path().string(), kCheckpointFile);
    }
    const TensorFile checkpoint = read_safetensors(folder_.file(kCheckpointFile));
    stepper_.load(checkpoint);
    const auto* figures = checkpoint.at(kFigures).data_ptr<double>();
    earlier_seconds_ = figures[0];
    step_seconds_ = figures[1];
    result_.before = {figures[2], figures[3]};
    last_distances_ = {figures[4], figures[5]};
    metrics_lines_ = checkpoint.at(kCounters)[1].item<std::int64_t>();
    metrics_.truncate_to(metrics_lines_);
    checkpoint_step_ = stepper_.steps();
  }

  const Network& teacher_;
  Network& student_;
  at::Tensor inputs_;
  const TransferOptions& options_;
  Split split_;
  std::int64_t steps_per_epoch_;
  std::int64_t total_steps_;
  Stepper stepper_;
  std::optional<HeldOutDistances> held_out_;
  RunFolder folder_;
  MetricsLog metrics_;
  Stopwatch clock_;
  at::Tensor order_;
  std::int64_t epoch_ = -1;
  std::int64_t metrics_lines_ = 0;
  std::int64_t checkpoint_step_ = -1;
  double last_checkpoint_ = 0;
  double earlier_seconds_ = 0;
  double step_seconds_ = 0;
  Distances last_distances_;
  TransferResult result_;
};

}  // namespace

std::int64_t total_steps(const TransferOptions& options, std::int64_t inputs) {
  const std::int64_t training = inputs - held_out_count(inputs, options.held_out);
  return options.steps > 0 ? options.steps : options.epochs * (training / options.batch_size);
}

Network initial_student(const Network& teacher, const TransferOptions& options, const at::Tensor& inputs) {
  constexpr std::int64_t kScoringInputs = 1000;
  Network student = teacher.clone();
  const bool by_magnitude = options.initial_mask == InitialMask::magnitude;
  const Scores scores = by_magnitude
                            ? magnitude_scores(student, options.step.scope)
                            : logit_snip_scores(student, inputs.narrow(0, 0, std::min(kScoringInputs, inputs.size(0))));
  const double density = density_at(options.step, 0, total_steps(options, inputs.size(0)));
  mask_by_scores(student, scores, density, options.step.scope);
  return student;
}

TransferResult transfer(const Network& teacher, Network& student, const at::Tensor& inputs,
                        const TransferOptions& options) {
  const c10::InferenceMode inference;
  return Run(teacher, student, inputs, options).run();
}

}  // namespace ntt
