#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/cost_record.h"
#include "cli/model_options.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/core/error.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/prune/mask.h"
#include "ntt/report/table.h"
#include "ntt/train/trainer.h"

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

/// What a run starts from, and how that is told to those who find its network.
struct Start {
  Network network;
  std::optional<Network> teacher;  ///< the untrained dense network that it comes from, where that is known
  std::map<std::string, std::string> metadata;
};

void check_start_options(const TrainCommand& options) {
  if (options.init.empty() == options.method.empty()) {
    fail_input("give either --init DIR|FILE, a network to train, or --method dense|random with --model");
  }
  const ModelOptions& model = options.model;
  if (!options.init.empty() && (!model.model.empty() || options.density > 0)) {
    fail_input("--model and --density are those of the network in --init; leave them out");
  }
  const bool draws = model.weights.given || model.weights.initialisation != Initialisation::glorot;
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

/// The teacher in the run folder, or the network itself where it is dense; read only if it is asked for.
std::optional<Network> find_teacher(const TrainCommand& options, const Network& network, const LoadedData& data) {
  const std::filesystem::path file = RunFolder(options.init).file(kTeacherFile);
  if (options.training.track == 0) {
    return std::nullopt;
  }
  if (std::filesystem::exists(file)) {
    NetworkFile teacher = read_network(file);
    check_network_fits(teacher.network, data, file.string());
    return std::move(teacher.network);
  }
  return network.density() == 1 ? std::optional(network.clone()) : std::nullopt;
}

Start read_start(const TrainCommand& options, const LoadedData& data) {
  NetworkFile file = read_network(options.init);
  check_network_fits(file.network, data, options.init);
  Start start{std::move(file.network), {}, {}};
  start.teacher = find_teacher(options, start.network, data);
  const auto method = file.metadata.find("method");
  start.metadata["method"] = method == file.metadata.end() ? "unknown" : method->second;
  const auto found_on = file.metadata.find("data");
  start.metadata["provenance"] =
      fmt::format("ntt {} train --seed {}, from {}{}", NTT_VERSION, options.common.seed, options.init,
                  found_on == file.metadata.end() ? "" : fmt::format(", found on {}", found_on->second));
  return start;
}

Start draw_start(const TrainCommand& options, const LoadedData& data) {
  Start start{dense_network(options.model, data, options.common.seed), {}, {}};
  if (options.training.track > 0) {
    start.teacher = start.network.clone();
  }
  if (options.method == "random") {
    mask_by_scores(start.network, random_scores(start.network, options.common.seed), options.density, options.scope);
  }
  start.metadata["method"] = options.method;
  start.metadata["provenance"] = fmt::format("ntt {} train --seed {}", NTT_VERSION, options.common.seed);
  return start;
}

nlohmann::json figures_of(const TrainingResult& result, const Evaluation& kept) {
  return {{"test_accuracy", kept.test_accuracy},
          {"test_loss", kept.test_loss},
          {"validation_accuracy", kept.validation_accuracy},
          {"train_accuracy", kept.train_accuracy},
          {"kept_step", kept.step},
          {"last", result.last},
          {"best_validation", result.best},
          {"mean_test_accuracy_of_last_ten", result.mean_test_accuracy},
          {"steps", result.steps},
          {"evaluation_seconds", result.evaluation_seconds}};
}

void report(const CLI::App& subcommand, const TrainCommand& options, const Start& start, const RunFolder& folder,
            const TrainingResult& result) {
  const Evaluation& kept = options.training.select == Select::last ? result.last : result.best;
  nlohmann::json record = result_record("train", subcommand, options.common, result.seconds, result.ms_per_step);
  record["model"] = start.network.graph().name;
  record["method"] = start.metadata.at("method");
  record["data"] = start.metadata.at("data");
  record["density"] = start.network.density();
  record["execution"] = to_string(result.execution);
  record["cost"] = cost_record(start.network);
  record["figures"] = figures_of(result, kept);
  folder.write_result(record);

  const auto percent = [](double share) { return std::isnan(share) ? "none held out" : format_percent(share); };
  print_result(options.common, record,
               {{"model", start.network.graph().name},
                {"method", start.metadata.at("method")},
                {"data", start.metadata.at("data")},
                {"density", fmt::format("{:.4g}", start.network.density())},
                {"steps", format_count(result.steps)},
                {"test accuracy", fmt::format("{} at the end", percent(result.last.test_accuracy))},
                {"", fmt::format("{} mean of the last ten evaluations", percent(result.mean_test_accuracy))},
                {"", fmt::format("{} at the best validation, step {}", percent(result.best.test_accuracy),
                                 format_count(result.best.step))},
                {"validation accuracy", fmt::format("{} at the end", percent(result.last.validation_accuracy))},
                {"", fmt::format("{} at best", percent(result.best.validation_accuracy))},
                {"training accuracy", percent(result.last.train_accuracy)},
                {"time", fmt::format("{}, {} of it in evaluations", format_seconds(result.seconds),
                                     format_seconds(result.evaluation_seconds))},
                {"a training step", fmt::format("{}, {} execution", format_seconds(result.ms_per_step / 1e3),
                                                to_string(result.execution))},
                {"network", folder.file(kNetworkFile).string()}});
}

void run_train(const CLI::App& subcommand, TrainCommand& options) {
  check_start_options(options);
  apply_threads(options.common.threads);
  const at::Device device = parse_device(options.common.device);
  const LoadedData data = load_data(options.common.data, device, options.common.classes);
  Start start = options.init.empty() ? draw_start(options, data) : read_start(options, data);
  start.metadata["model"] = start.network.graph().name;
  start.metadata["data"] = data.name;
  start.network.to(device, at::kFloat);
  if (start.teacher) {
    start.teacher->to(device, at::kFloat);
    options.training.teacher = &*start.teacher;
  }
  const OpenRun run(subcommand, options.common);
  options.training.seed = options.common.seed;
  options.training.select = options.select == "last" ? Select::last : Select::best_validation;
  options.training.out = run.folder().path();
  options.training.resume = run.resume();
  const TrainingResult result = train(
      start.network, {data.train_inputs, data.train_labels, data.test_inputs, data.test_labels}, options.training);
  write_network(run.folder().file(kNetworkFile), start.network, start.metadata);
  report(subcommand, options, start, run.folder(), result);
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

void add_training_options(CLI::App& train, TrainCommand& options) {
  TrainingOptions& training = options.training;
  const CLI::Range count(std::int64_t{1}, std::int64_t{1} << 40);
  train.add_option("--epochs", training.epochs, "Passes over the training inputs")->check(count);
  train.add_option("--steps", training.steps, "Steps instead of epochs; 0: as --epochs says")
      ->check(CLI::NonNegativeNumber);
  train.add_option("--batch-size", training.batch_size, "Inputs a step")->check(count);
  train.add_option("--learning-rate", training.learning_rate, "Learning rate of Adam")->check(CLI::PositiveNumber);
  train.add_option("--weight-decay", training.weight_decay, "Factor of the kept weights' sum of squares")
      ->check(CLI::NonNegativeNumber);
  train.add_option("--held-out", training.held_out, "Share of the training inputs kept for validation")
      ->check(CLI::Range(0.0, 0.99));
  train.add_option("--evaluate-interval", training.evaluate_every, "Steps between evaluations")->check(count);
  train.add_option("--select", options.select, "Whose weights to keep: the last, or those of best validation")
      ->check(CLI::IsMember({"last", "best-validation"}));
  add_execution_option(train, training.execution,
                       "Steps with the kept weights only, with all of them, or whichever is faster at this density");
  train
      .add_option("--track", training.track,
                  "Held-out inputs on which outputs and kernel are recorded at evaluations; 0: none")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void add_train_command(CLI::App& app) {
  CLI::App* train = add_run_command(app, "train", "Train a network with labels, its masks fixed",
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
