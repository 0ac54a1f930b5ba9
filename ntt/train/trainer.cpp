#include "ntt/train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/data/dataset.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/network_file.h"
#include "ntt/nn/optimiser.h"
#include "ntt/train/evaluation_json.h"
#include "ntt/train/executor.h"
#include "ntt/train/tracker.h"
#include "ntt/train/training_state.h"

namespace ntt {
namespace {

/// Training inputs on which the training accuracy is taken; more would cost more than they say.
constexpr std::int64_t kTrainAccuracyInputs = 2000;
constexpr std::size_t kAveragedEvaluations = 10;

void check_part(const char* part, const at::Tensor& inputs, const at::Tensor& labels, const Network& network) {
  if (inputs.size(0) == 0 || inputs.size(0) != labels.size(0)) {
    fail_input("there are {} {} inputs and {} labels; they must be as many, at least one", inputs.size(0), part,
               labels.size(0));
  }
  if (inputs.sizes().slice(1) != at::IntArrayRef(network.graph().input_shape())) {
    fail_input("network '{}' takes inputs of {}, but the {} inputs are {}", network.graph().name,
               to_string(network.graph().input_shape()), part, to_string(inputs.sizes().slice(1).vec()));
  }
  const auto largest = labels.max().item<std::int64_t>();
  if (labels.min().item<std::int64_t>() < 0 || largest >= network.outputs()) {
    fail_input("network '{}' has {} outputs, but the {} labels go up to {}", network.graph().name, network.outputs(),
               part, largest);
  }
}

void check_data(const TrainingData& data, const TrainingOptions& options, const Network& network) {
  check_part("training", data.train_inputs, data.train_labels, network);
  if (data.test_inputs.defined()) {
    check_part("test", data.test_inputs, data.test_labels, network);
  }
  const auto masked = [](const Parameter* parameter) { return parameter->pattern != nullptr; };
  if (options.mask_updates.rule != MaskRule::none && std::ranges::none_of(network.parameters(), masked)) {
    fail_input("network '{}' has no masks that training could change; begin with a sparse one", network.graph().name);
  }
  if (options.augmentation.any() && data.train_inputs.dim() != 4) {
    fail_input("augmentation is for images of channels, height and width, but inputs here are of {}",
               to_string(data.train_inputs.sizes().slice(1).vec()));
  }
}

/// The first `count` of the held-out inputs, or of the others if none are held out.
at::Tensor tracked_inputs(const Split& split, std::int64_t count) {
  const bool held_out = split.held_out.size(0) > 0;
  const at::Tensor& from = held_out ? split.held_out : split.train;
  if (count > from.size(0)) {
    fail_input("{} inputs are to be tracked, but there are {} {} inputs", count, from.size(0),
               held_out ? "held-out" : "training");
  }
  return from.narrow(0, 0, count);
}

/// One training run: what it reads, what it moves and where it writes.
class Run {
 public:
  Run(Network& network, const TrainingData& data, const TrainingOptions& options);
  TrainingResult run();

 private:
  void start();
  void step();
  [[nodiscard]] at::Tensor batch_of(const at::Tensor& chosen) const;
  double loss_and_gradient(const at::Tensor& chosen);
  double exchange_masks(const at::Tensor* chosen, std::int64_t step);
  void begin_executor();
  void evaluate();
  void note_best();
  void checkpoint();
  void keep_for_rewinding();
  void stop_if_requested();
  [[noreturn]] void fail_diverged(const char* what, double value) const;
  [[nodiscard]] std::string figures() const;
  void tell_progress(std::string_view figures, bool finished = false) const;
  [[nodiscard]] TrainingResult finish();
  [[nodiscard]] double seconds() const { return earlier_seconds_ + since_start_.seconds(); }

  Network& network_;
  const TrainingData& data_;
  const TrainingOptions& options_;
  RunFolder folder_;
  MetricsLog metrics_;
  Execution execution_;
  std::unique_ptr<Optimiser> optimiser_;
  std::unique_ptr<Executor> executor_;  ///< from start() on
  TrainingState state_;
  Split split_;
  std::int64_t steps_an_epoch_;
  std::int64_t total_;
  at::Tensor order_;    ///< of the epoch that the next step belongs to
  at::Tensor tracked_;  ///< which training inputs are followed, if any
  std::optional<Tracker> tracker_;
  TrainingData watched_;  ///< for evaluations: a part of the training inputs, and the held-out ones as test
  std::optional<std::int64_t> saved_step_;
  Stopwatch since_start_;
  Stopwatch since_saved_;
  double earlier_seconds_ = 0;
  std::vector<Evaluation> evaluations_;
};

Run::Run(Network& network, const TrainingData& data, const TrainingOptions& options)
    : network_(network),
      data_(data),
      options_(options),
      folder_(options.out),
      metrics_(folder_.file(kMetricsFile), options.tensorboard),
      execution_(choose_execution(options.execution, network, Workload::training, options.batch_size)),
      optimiser_(make_optimiser(options, network)),
      split_(split_indices(data.train_inputs.size(0), options.held_out, options.seed)),
      steps_an_epoch_(split_.train.size(0) / options.batch_size),
      total_(options.steps > 0 ? options.steps : options.epochs * steps_an_epoch_) {
  if (steps_an_epoch_ == 0) {
    fail_input("a batch of {} cannot be filled from {} training inputs ({} are held out); choose a smaller batch size",
               options.batch_size, split_.train.size(0), split_.held_out.size(0));
  }
  const auto pick = [&](const at::Tensor& indices, const at::Tensor& values) {
    return values.index_select(0, indices.to(values.device()));
  };
  const at::Tensor part = split_.train.narrow(0, 0, std::min(kTrainAccuracyInputs, split_.train.size(0)));
  watched_ = {pick(part, data.train_inputs), pick(part, data.train_labels), pick(split_.held_out, data.train_inputs),
              pick(split_.held_out, data.train_labels)};
  if (options.track > 0) {
    tracked_ = tracked_inputs(split_, options.track);
    tracker_.emplace(pick(tracked_, data.train_inputs), options.teacher);
  }
}

void Run::start() {
  if (!options_.out.empty()) {
    folder_.create();
    if (options_.resume) {
      state_ = load_checkpoint(folder_.file(kCheckpointFile), network_, *optimiser_,
                               identity_of(options_, execution_, total_));
      saved_step_ = state_.step;
      earlier_seconds_ = state_.seconds;
      options_.observer->message(MessageLevel::info, fmt::format("resuming at step {} of {}", state_.step, total_));
    }
    metrics_.truncate_to(state_.metrics_lines);
  }
  begin_executor();
}

void Run::begin_executor() {
  executor_ = make_executor(execution_ == Execution::dense ? execution_ : options_.execution, network_, *optimiser_,
                            options_.label_smoothing);
}

TrainingResult Run::run() {
  start();
  const c10::InferenceMode without_autograd;
  tell_progress("");
  keep_for_rewinding();
  if (state_.metrics_lines == 0) {
    evaluate();
  }
  while (state_.step < total_) {
    step();
    keep_for_rewinding();
    if (state_.step % options_.evaluate_every == 0 || state_.step == total_) {
      evaluate();
    }
    tell_progress(figures());
    stop_if_requested();
    if (since_saved_.seconds() >= options_.checkpoint_seconds) {
      checkpoint();
    }
  }
  tell_progress(figures(), true);
  return finish();
}

void Run::step() {
  const Stopwatch watch;
  const std::int64_t place = state_.step % steps_an_epoch_;
  if (place == 0 || !order_.defined()) {
    order_ = epoch_order(split_.train, options_.seed, state_.step / steps_an_epoch_).to(data_.train_inputs.device());
  }
  const at::Tensor chosen = order_.narrow(0, place * options_.batch_size, options_.batch_size);
  const std::int64_t step = state_.step;
  const MaskRule rule = options_.mask_updates.due(step, total_) ? options_.mask_updates.rule : MaskRule::none;
  optimiser_->set_learning_rate(*options_.learning_rate * options_.schedule.factor(step, total_));
  const double loss = rule == MaskRule::rigl ? exchange_masks(&chosen, step) : loss_and_gradient(chosen);
  ++state_.step;
  if (!std::isfinite(loss)) {
    fail_diverged("loss", loss);
  }
  if (rule != MaskRule::rigl) {
    executor_->update(*options_.weight_decay);
  }
  if (rule == MaskRule::set) {
    exchange_masks(nullptr, step);
  }
  state_.loss_sum += loss;
  ++state_.loss_count;
  state_.step_seconds += watch.seconds();
}

at::Tensor Run::batch_of(const at::Tensor& chosen) const {
  return options_.augmentation.any()
             ? augmented(data_.train_inputs, chosen, options_.augmentation, options_.seed, state_.step)
             : data_.train_inputs.index_select(0, chosen);
}

double Run::loss_and_gradient(const at::Tensor& chosen) {
  if (!options_.augmentation.any()) {
    return executor_->loss_and_gradient(data_.train_inputs, data_.train_labels, chosen);
  }
  return executor_->loss_and_gradient(batch_of(chosen), data_.train_labels.index_select(0, chosen),
                                      at::arange(chosen.size(0), chosen.options()));
}

double Run::exchange_masks(const at::Tensor* chosen, std::int64_t step) {
  executor_->store();
  executor_.reset();  // what computes with the kept weights only has no gradient by others
  Gradients gradients(network_);
  double loss = 0;
  if (chosen != nullptr) {
    loss = dense_loss_and_gradient(network_, batch_of(*chosen), data_.train_labels.index_select(0, *chosen),
                                   options_.label_smoothing, gradients);
  }
  exchange_weights(network_, *optimiser_, chosen != nullptr ? &gradients : nullptr,
                   options_.mask_updates.share_at(step, total_), options_.seed, step);
  begin_executor();
  return loss;
}

void Run::evaluate() {
  const Stopwatch watch;
  Evaluation now;
  now.step = state_.step;
  now.epoch = state_.step / steps_an_epoch_;
  if (state_.loss_count > 0) {
    now.train_loss = state_.loss_sum / static_cast<double>(std::exchange(state_.loss_count, 0));
    state_.loss_sum = 0;
  }
  now.train_accuracy = executor_->score(watched_.train_inputs, watched_.train_labels).accuracy;
  if (watched_.test_inputs.size(0) > 0) {
    const Score validation = executor_->score(watched_.test_inputs, watched_.test_labels);
    now.validation_accuracy = validation.accuracy;
    now.validation_loss = validation.loss;
    now.validation_top5_accuracy = validation.top5_accuracy;
  }
  if (data_.test_inputs.defined()) {
    const Score test = executor_->score(data_.test_inputs, data_.test_labels);
    now.test_accuracy = test.accuracy;
    now.test_loss = test.loss;
    now.test_top5_accuracy = test.top5_accuracy;
    if (!std::isfinite(test.loss)) {
      fail_diverged("test loss", test.loss);
    }
  }
  if (tracker_) {
    executor_->store_network();
    tracker_->record(network_, now, state_.track);
  }
  state_.evaluation_seconds += watch.seconds();
  now.seconds = seconds();
  state_.last = now;
  evaluations_.push_back(now);
  if (now.step > 0) {
    note_best();
  }
  if (!options_.out.empty()) {
    metrics_.append(now);
    ++state_.metrics_lines;
  }
}

void Run::note_best() {
  std::vector<double>& tests = state_.test_accuracies;
  tests.push_back(state_.last.test_accuracy);
  if (tests.size() > kAveragedEvaluations) {
    tests.erase(tests.begin());
  }
  if (state_.best.step > 0 && !(state_.last.validation_accuracy > state_.best.validation_accuracy)) {
    return;
  }
  state_.best = state_.last;
  if (options_.select == Select::best_validation) {
    state_.best_values = executor_->kept_entries();
  }
}

void Run::checkpoint() {
  since_saved_ = Stopwatch();
  if (options_.out.empty()) {
    return;
  }
  state_.seconds = seconds();
  executor_->store();
  save_checkpoint(folder_.file(kCheckpointFile), network_, *optimiser_, state_,
                  identity_of(options_, execution_, total_));
  saved_step_ = state_.step;
  // Counted from the end, so that a slow disk does not take every second step.
  since_saved_ = Stopwatch();
}

void Run::keep_for_rewinding() {
  if (options_.rewind_step == state_.step && !options_.out.empty()) {
    executor_->store_network();
    write_network(folder_.file(kRewindFile), network_, {{"model", network_.graph().name}});
  }
}

void Run::stop_if_requested() {
  if (state_.step == total_ || !options_.observer->stop_requested()) {
    return;
  }
  checkpoint();
  throw Interrupted(fmt::format("training was stopped at step {} of {}{}", state_.step, total_,
                                options_.out.empty() ? "; nothing was saved" : ""));
}

void Run::fail_diverged(const char* what, double value) const {
  const std::string checkpoint = saved_step_ ? fmt::format("the last good checkpoint is {}, of step {}",
                                                           folder_.file(kCheckpointFile).string(), *saved_step_)
                                             : "no checkpoint had been written";
  fail_run("the {} is {} at step {} of {}; {}; try a smaller learning rate than {}", what, value, state_.step, total_,
           checkpoint, *options_.learning_rate);
}

void Run::tell_progress(std::string_view figures, bool finished) const {
  options_.observer->progress({"train", "step", state_.step, total_, figures, finished});
}

std::string Run::figures() const {
  const double loss =
      state_.loss_count > 0 ? state_.loss_sum / static_cast<double>(state_.loss_count) : state_.last.train_loss;
  const std::string test =
      data_.test_inputs.defined() ? fmt::format(" test {:.2f} %", 100 * state_.last.test_accuracy) : "";
  return fmt::format("loss {:.4f}{}", loss, test);
}

TrainingResult Run::finish() {
  executor_->store_network();
  if (options_.select == Select::best_validation) {
    for (std::size_t i = 0; i < state_.best_values.size(); ++i) {
      Parameter& parameter = *network_.all_parameters()[i];
      parameter.value.copy_(parameter.with_kept_entries(state_.best_values[i]));
      parameter.refresh();
    }
  }
  if (tracker_ && !options_.out.empty()) {
    write_track(folder_.file(kTrackFile), state_.track, tracked_, data_.train_labels.cpu().index_select(0, tracked_),
                network_.graph().name);
  }
  const std::vector<double>& tests = state_.test_accuracies;
  TrainingResult result;
  result.last = state_.last;
  result.best = options_.held_out > 0 ? state_.best : state_.last;
  result.mean_test_accuracy = std::accumulate(tests.begin(), tests.end(), 0.0) / static_cast<double>(tests.size());
  result.steps = state_.step;
  result.evaluations = std::move(evaluations_);
  result.execution = execution_;
  result.seconds = seconds();
  result.evaluation_seconds = state_.evaluation_seconds;
  result.ms_per_step = 1e3 * state_.step_seconds / static_cast<double>(state_.step);
  return result;
}

}  // namespace

TrainingResult train(Network& network, const TrainingData& data, const TrainingOptions& options) {
  check_training_options(options);
  check_data(data, options, network);
  TrainingOptions filled = options;
  filled.learning_rate = options.learning_rate.value_or(default_learning_rate(options.optimiser, network.graph()));
  filled.weight_decay = options.weight_decay.value_or(default_weight_decay(options.optimiser));
  return Run(network, data, filled).run();
}

}  // namespace ntt
