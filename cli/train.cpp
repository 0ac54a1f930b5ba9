#include <ATen/ATen.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/process/log.h"
#include "cli/process/terminal_observer.h"
#include "cli/resumable.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/core/error.h"
#include "ntt/find/run.h"
#include "ntt/find/start.h"
#include "ntt/report/table.h"
#include "ntt/train/run.h"
#include "ntt/version.h"

namespace ntt {
namespace {

struct TrainCommand {
  CommonOptions common;
  TrainingOptions training;
  std::string init;    ///< a run folder or network file; else `method` says what to start from
  std::string method;  ///< dense or random
  ModelOptions model;
  double density = 0;  ///< 0: not given
  Scope scope = Scope::layer;
  std::string select = "last";
};

void check_start_options(const TrainCommand& options) {
  if (options.init.empty() == options.method.empty()) {
    fail_input("give either --init DIR|FILE, a network to train, or --method dense|random with --model");
  }
  const ModelOptions& model = options.model;
  if (!options.init.empty() && (!model.model.empty() || options.density > 0)) {
    fail_input("--model and --density are those of the network in --init; leave them out");
  }
  const bool draws = model.weights.given || model.weights.initialisation.has_value();
  if (!options.init.empty() && (draws || !model.keep.empty())) {
    fail_input("--weights, --initialisation and --keep are for a network that --method draws; leave them out");
  }
  if (!options.method.empty() && options.model.model.empty()) {
    fail_input("--method {} needs --model: {}", options.method, model_help());
  }
  if (options.method == "random" && options.density == 0) {
    fail_input("--method random needs --density, the share of the weights to keep");
  }
  if (options.method == "dense" && options.density > 0 && options.density < 1) {
    fail_input("--method dense keeps every weight; leave --density out, or use --method random");
  }
}

/// What training starts from.
TrainingStart find_start(const TrainCommand& options, const LoadedData& data) {
  const bool with_teacher = options.training.track > 0;
  if (!options.init.empty()) {
    return read_start(options.init, data, with_teacher);
  }
  const double density = options.method == "random" ? options.density : 1;
  return draw_start({options.method, options.model, density, options.scope, options.common.seed}, data, with_teacher);
}

std::string provenance_of(const TrainCommand& options, const TrainingStart& start) {
  std::string provenance = fmt::format("ntt {} train --seed {}", NTT_VERSION, options.common.seed);
  if (!options.init.empty()) {
    provenance += fmt::format(", from {}", options.init);
    provenance += start.found_on.empty() ? "" : fmt::format(", found on {}", start.found_on);
  }
  return provenance;
}

void report(const CommonOptions& common, const TrainingRun& run) {
  const auto& [result, record] = run;
  const auto percent = [](double share) { return std::isnan(share) ? "none held out" : format_percent(share); };
  std::vector<std::pair<std::string, std::string>> rows{
      {"model", record.at("model")},
      {"method", record.at("method")},
      {"data", record.at("data")},
      {"density", fmt::format("{:.4g}", record.at("density").get<double>())},
      {"steps", format_count(result.steps)},
      {"test accuracy", fmt::format("{} at the end", percent(result.last.test_accuracy))},
      {"", fmt::format("{} mean of the last ten evaluations", percent(result.mean_test_accuracy))},
      {"", fmt::format("{} at the best validation, step {}", percent(result.best.test_accuracy),
                       format_count(result.best.step))}};
  if (!std::isnan(result.last.test_top5_accuracy)) {
    rows.emplace_back("test top-5 accuracy", fmt::format("{} at the end", percent(result.last.test_top5_accuracy)));
  }
  rows.insert(rows.end(),
              {{"validation accuracy", fmt::format("{} at the end", percent(result.last.validation_accuracy))},
               {"", fmt::format("{} at best", percent(result.best.validation_accuracy))},
               {"training accuracy", percent(result.last.train_accuracy)},
               {"time", fmt::format("{}, {} of it in evaluations", format_seconds(result.seconds),
                                    format_seconds(result.evaluation_seconds))},
               {"a training step",
                fmt::format("{}, {} execution", format_seconds(result.ms_per_step / 1e3), to_string(result.execution))},
               {"network", RunFolder(common.out).file(kNetworkFile).string()}});
  print_result(common, record, rows);
}

void run_train(const CLI::App& subcommand, TrainCommand& options) {
  check_start_options(options);
  apply_threads(options.common.threads);
  const at::Device device = parse_device(options.common.device);
  const LoadedData data = load_data(options.common, device);
  TrainingStart start = find_start(options, data);
  log_warnings(start.warnings);
  start.network.to(device, at::kFloat);
  if (start.teacher) {
    start.teacher->to(device, at::kFloat);
    options.training.teacher = &*start.teacher;
  }
  RunRequest request = request_of(subcommand, options.common);
  if (options.init.empty()) {
    fill_in_initialisation(request.options, start.network.graph());
  }
  options.training.select = options.select == "last" ? Select::last : Select::best_validation;
  TerminalObserver observer;
  options.training.observer = &observer;
  const TrainingData parts{data.train_inputs, data.train_labels, data.test_inputs, data.test_labels};
  const std::map<std::string, std::string> metadata{
      {"data", data.name}, {"method", start.method}, {"provenance", provenance_of(options, start)}};
  report(options.common, resumable(request, [&] {
           return run_training(start.network, parts, options.training, request, metadata, format_of(data));
         }));
}

void add_start_options(CLI::App& train, TrainCommand& options) {
  train.add_option("--init", options.init, "Run folder or network file to train")->type_name("DIR|FILE");
  train.add_option("--method", options.method, "Without --init: a dense or a randomly masked network")
      ->check(CLI::IsMember({"dense", "random"}));
  options.model.model.clear();
  add_model_options(train, options.model);
  // Without a captured default: config.toml then says only what was asked for.
  train.add_option("--density", options.density, "For --method random: share of the weights to keep")
      ->check(CLI::Range(1e-6, 1.0))
      ->default_str("");
  add_scope_option(train, options.scope);
}

/// What moves the weights, and how fast.
void add_optimiser_options(CLI::App& train, TrainingOptions& training) {
  train
      .add_option_function<std::string>(
          "--optimiser", [&training](const std::string& name) { training.optimiser = parse_optimiser(name); },
          "Adam, or gradient descent with momentum, Nesterov's or not")
      ->check(CLI::IsMember({"adam", "sgd", "nesterov"}))
      ->default_str(to_string(training.optimiser));
  train.add_option("--momentum", training.momentum, "Momentum of sgd and nesterov")->check(CLI::Range(0.0, 1.0));
  train
      .add_option(
          "--learning-rate", training.learning_rate,
          "Learning rate, the schedule's highest (default: of adam 1e-3, with batch norm 3e-3; else 0.01, with it 0.1)")
      ->check(CLI::PositiveNumber);
  train
      .add_option("--weight-decay", training.weight_decay,
                  "Of adam the factor of the kept weights' sum of squares, else of half of it (default: of adam 1e-8, "
                  "else 5e-4)")
      ->check(CLI::NonNegativeNumber);
  Schedule& schedule = training.schedule;
  train
      .add_option_function<std::string>(
          "--schedule", [&schedule](const std::string& name) { schedule.kind = parse_schedule(name); },
          "How the learning rate goes over the run")
      ->check(CLI::IsMember({"constant", "step", "cosine", "one-cycle"}))
      ->default_str(to_string(schedule.kind));
  train.add_option("--warm-up", schedule.warm_up, "Steps in which it rises; 0: none, with one-cycle 0.3 of all")
      ->check(CLI::NonNegativeNumber);
  train
      .add_option("--milestones", schedule.milestones,
                  "For --schedule step: shares of the run after which it is multiplied by --gamma")
      ->delimiter(',')
      ->type_name("SHARE,...")
      ->check(CLI::Range(0.0, 1.0));
  train.add_option("--gamma", schedule.gamma, "For --schedule step")->check(CLI::Range(1e-6, 1.0));
}

/// What the network is shown in place of images and labels as they are.
void add_regularisation_options(CLI::App& train, TrainingOptions& training) {
  train.add_option("--label-smoothing", training.label_smoothing, "Share of each label spread over all classes")
      ->check(CLI::Range(0.0, 0.99));
  train
      .add_option_function<std::vector<std::string>>(
          "--augment",
          [&training](const std::vector<std::string>& names) { training.augmentation = parse_augmentation(names); },
          "Random changes of images: crop (shifted by up to 4 pixels), flip, cutout (of 16 pixels)")
      ->delimiter(',')
      ->type_name("crop,flip,cutout")
      ->default_str("");
}

/// How masks change in training.
void add_mask_options(CLI::App& train, MaskUpdates& updates) {
  train
      .add_option_function<std::string>(
          "--mask-updates", [&updates](const std::string& name) { updates.rule = parse_mask_rule(name); },
          "Masks stay, or weights are exchanged in training: for random ones (set), or those of large gradients (rigl)")
      ->check(CLI::IsMember({"none", "set", "rigl"}))
      ->default_str(to_string(updates.rule));
  train.add_option("--mask-interval", updates.interval, "Steps between such exchanges")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  train.add_option("--mask-share", updates.share, "Share of a layer's weights that the first one takes; it falls to 0")
      ->check(CLI::Range(0.0, 1.0));
  train.add_option("--mask-until", updates.until, "Share of the run after which masks stay")
      ->check(CLI::Range(0.0, 1.0));
}

void add_training_options(CLI::App& train, TrainCommand& options) {
  TrainingOptions& training = options.training;
  const CLI::Range count(std::int64_t{1}, std::int64_t{1} << 40);
  train.add_option("--epochs", training.epochs, "Passes over the training inputs")->check(count);
  train.add_option("--steps", training.steps, "Steps instead of epochs; 0: as --epochs says")
      ->check(CLI::NonNegativeNumber);
  train.add_option("--batch-size", training.batch_size, "Inputs a step")->check(count);
  add_optimiser_options(train, training);
  add_regularisation_options(train, training);
  add_mask_options(train, training.mask_updates);
  train.add_option("--held-out", training.held_out, "Share of the training inputs kept for validation")
      ->check(CLI::Range(0.0, 0.99));
  train.add_option("--evaluate-interval", training.evaluate_every, "Steps between evaluations")->check(count);
  train.add_option("--select", options.select, "Whose weights to keep: the last, or those of best validation")
      ->check(CLI::IsMember({"last", "best-validation"}));
  train
      .add_option("--rewind-step", training.rewind_step,
                  "Keep the network as it is after so many steps, from which ntt rewind begins; 0: before the first")
      ->check(CLI::NonNegativeNumber);
  add_execution_option(train, training.execution,
                       "Steps with the kept weights only, with all of them, or whichever is faster at this density");
  train
      .add_option("--track", training.track,
                  "Held-out inputs on which outputs and kernel are recorded at evaluations; 0: none")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void add_train_command(CLI::App& app) {
  CLI::App* train = add_run_command(app, "train", "Train a network with labels, its masks fixed or not",
                                    "ntt train --init runs/ntt --data mnist --epochs 50 --out runs/ntt-trained\n"
                                    "  ntt train --method random --model lenet-300-100 --density 0.03 --data glyphs "
                                    "--out runs/random");
  auto options = std::make_shared<TrainCommand>();
  add_start_options(*train, *options);
  add_data_option(*train, options->common);
  add_training_options(*train, *options);
  add_seed_option(*train, options->common);
  add_out_options(*train, options->common, options->training.checkpoint_seconds);
  add_tensorboard_option(*train, options->training.tensorboard);
  add_machine_options(*train, options->common);
  train->callback([train, options] { run_train(*train, *options); });
}

}  // namespace ntt
