#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/cost_record.h"
#include "cli/prune_run.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "cli/transfer_run.h"
#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/nn/model.h"
#include "ntt/report/table.h"
#include "ntt/transfer/method_names.h"

namespace ntt {
namespace {

struct PruneCommand {
  TransferCommand run;  ///< what the methods have in common, and all of it for those of transfer
  std::string method;
  std::int64_t samples = 1000;
  std::int64_t rounds = 0;
};

/// A network, what it is made of, and what there is to say of it.
struct Pruned {
  Network dense;
  Network network;
  double seconds = 0;
  double ms_per_step = 0;
  std::string reads;  ///< "labels", "inputs" or "no data"
};

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const PruneMethod& method : prune_methods()) {
    names.push_back(method.name);
  }
  names.insert(names.end(), kTransferMethods.begin(), kTransferMethods.end());
  return names;
}

/// Whether an option has another value than it has by itself.
bool is_changed(const CLI::App& subcommand, const std::string& name) {
  const CLI::Option* option = subcommand.get_option(name);
  return option->count() > 0 && option->reduced_results().front() != option->get_default_str();
}

void check_options(const CLI::App& subcommand, const PruneCommand& command) {
  const bool transfers = is_transfer_method(command.method);
  if (command.run.transfer.steps > 0 && !transfers) {
    fail_input("--steps is the length of {}, {} and {}; {} takes none", kNttExact, kNttSketch, kLogitMimicry,
               command.method);
  }
  for (const std::string name : {"--pairs", "--parameters", "--learning-rate", "--kernel-weight", "--mask-interval",
                                 "--density-schedule", "--batch-size", "--weight-decay", "--initial-mask"}) {
    if (!transfers && is_changed(subcommand, name)) {
      fail_input("{} is an option of {}, {} and {}; {} takes none", name, kNttExact, kNttSketch, kLogitMimicry,
                 command.method);
    }
  }
  if (command.method == kLogitMimicry && is_changed(subcommand, "--kernel-weight")) {
    fail_input("{} is matching outputs alone, so that --kernel-weight has no place; take {} or {}", kLogitMimicry,
               kNttExact, kNttSketch);
  }
  if (command.rounds > 0 && (transfers || find_prune_method(command.method).rounds == 1)) {
    fail_input("--rounds is for methods that score more than once; {} does not", command.method);
  }
}

Pruned by_scores(const PruneCommand& command, Network dense, const LoadedData& data) {
  const PruneMethod& method = find_prune_method(command.method);
  const std::uint64_t seed = command.run.common.seed;
  PruneOptions options;
  options.density = command.run.transfer.step.density;
  options.scope = command.run.transfer.step.scope;
  options.rounds = command.rounds;
  options.seed = seed;
  Network network = dense.clone();
  Pruned pruned{std::move(dense), std::move(network), 0, 0, "no data"};
  pruned.reads = method.reads_labels ? "inputs and labels" : method.reads_inputs ? "inputs" : "no data";
  const Stopwatch watch;
  prune(pruned.network, method, pruning_data(method, data, command.samples, seed), options);
  pruned.seconds = watch.seconds();
  return pruned;
}

/// What the method says of a transfer, and what depends on the network.
void settle_method(CLI::App& subcommand, PruneCommand& command, const Graph& graph, const LoadedData& data) {
  StepOptions& step = command.run.transfer.step;
  step.kernel = command.method == kNttSketch ? KernelMode::sketch : KernelMode::exact;
  if (command.method == kLogitMimicry) {
    step.objective.kernel_weight = 0;
  }
  settle_transfer(subcommand, command.run, graph, data.classes);
}

Pruned by_transfer(PruneCommand& command, Network dense, const LoadedData& data, const OpenRun& run) {
  TransferOptions& transfer = command.run.transfer;
  transfer.command = "prune";
  transfer.resume = run.resume();
  transfer.out = run.folder().path();
  FoundNetwork found = find_sparse_network(std::move(dense), data, command.run);
  return {std::move(found.teacher), std::move(found.student), found.result.seconds, found.result.ms_per_step, "inputs"};
}

void report(const CLI::App& subcommand, const PruneCommand& command, const LoadedData& data, const Pruned& pruned,
            const RunFolder& folder) {
  nlohmann::json record = result_record("prune", subcommand, command.run.common, pruned.seconds, pruned.ms_per_step);
  record["model"] = pruned.network.graph().name;
  record["method"] = command.method;
  record["data"] = data.name;
  record["density"] = pruned.network.density();
  record["reads"] = pruned.reads;
  record["cost"] = cost_record(pruned.network);
  record["layers"] = layer_densities(pruned.network);
  record["empty_layers"] = empty_layers(pruned.network);
  folder.write_result(record);
  std::vector<std::pair<std::string, std::string>> rows = {
      {"model", pruned.network.graph().name},
      {"method", fmt::format("{}, which reads {}", command.method, pruned.reads)},
      {"data", data.name},
      {"density", fmt::format("{:.4g}", pruned.network.density())}};
  for (const nlohmann::json& layer : record["layers"]) {
    rows.emplace_back("  " + layer["name"].get<std::string>(),
                      layer_text(layer) + (layer["kept"] == 0 ? ": empty" : ""));
  }
  rows.emplace_back("time", format_seconds(pruned.seconds));
  rows.emplace_back("network", folder.file(kNetworkFile).string());
  print_result(command.run.common, record, rows);
}

void run_prune(CLI::App& subcommand, PruneCommand& command) {
  check_options(subcommand, command);
  check_density(command.run.transfer.step.density);
  apply_threads(command.run.common.threads);
  const CommonOptions& common = command.run.common;
  const LoadedData data = load_data(common.data, parse_device(common.device), common.classes);
  Network dense = dense_network(command.run.model, data, common.seed);
  if (is_transfer_method(command.method)) {
    settle_method(subcommand, command, dense.graph(), data);
  }
  const OpenRun run(subcommand, common);
  const Pruned pruned = is_transfer_method(command.method) ? by_transfer(command, std::move(dense), data, run)
                                                           : by_scores(command, std::move(dense), data);
  warn_of_empty_layers(pruned.network);
  write_pruned(run.folder(), pruned.dense, pruned.network, command.method, data.name,
               fmt::format("ntt {} prune --method {} --seed {}", NTT_VERSION, command.method, common.seed));
  report(subcommand, command, data, pruned, run.folder());
}

}  // namespace

void add_prune_command(CLI::App& app) {
  CLI::App* prune = add_run_command(
      app, "prune", "Find a sparse network by any method, NTT's rivals included",
      "ntt prune --method synflow --model lenet-300-100 --data mnist --density 0.03 --scope global --out runs/synflow");
  auto command = std::make_shared<PruneCommand>();
  TransferOptions& transfer = command->run.transfer;
  prune->add_option("--method", command->method, "How weights are chosen (docs/methods.md)")
      ->required()
      ->check(CLI::IsMember(method_names()));
  add_model_options(*prune, command->run.model);
  add_data_option(*prune, command->run.common);
  prune->add_option("--density", transfer.step.density, "Share of the weights to keep")->check(CLI::Range(1e-6, 1.0));
  add_scope_option(*prune, transfer.step.scope);
  prune->add_option("--samples", command->samples, "Training inputs that scores are taken on")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  prune->add_option("--rounds", command->rounds, "Rounds of scoring; 0: 100 for synflow, 20 for ntk-sap")
      ->check(CLI::NonNegativeNumber);
  // From here on what a transfer takes, which the other methods do not.
  add_fitting_options(*prune, transfer);
  add_length_options(*prune, command->run);
  add_seed_option(*prune, command->run.common);
  add_out_options(*prune, command->run.common, transfer.checkpoint_seconds);
  add_tensorboard_option(*prune, transfer.tensorboard);
  add_machine_options(*prune, command->run.common);
  prune->callback([prune, command] { run_prune(*prune, *command); });
}

}  // namespace ntt
