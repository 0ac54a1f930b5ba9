#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/find_run.h"
#include "cli/model_options.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/report/table.h"
#include "ntt/version.h"

namespace ntt {
namespace {

/// A line for each method: what it reads, how often it goes through that, and what it scores by.
std::string method_list() {
  std::string text = "Methods, what they read (how often), and by what weights are kept:\n";
  for (const MethodNote& note : method_notes()) {
    const std::string passes = note.passes > 0 ? fmt::format(" ({})", note.passes) : "";
    text += fmt::format("  {:<16}{:<24}{}\n", note.name, note.reads + passes, note.formula);
  }
  return text;
}

void run_prune(const CLI::App& subcommand, FindCommand& command) {
  const FindRun run = run_find(
      subcommand, command,
      fmt::format("ntt {} prune --method {} --seed {}", NTT_VERSION, command.find.method, command.common.seed));
  std::vector<std::pair<std::string, std::string>> rows = {
      {"model", run.found.network.graph().name},
      {"method", fmt::format("{}, which reads {}", run.found.method, run.found.reads)},
      {"data", run.record.at("data")},
      {"density", fmt::format("{:.4g}", run.found.network.density())}};
  for (const nlohmann::json& layer : run.record.at("layers")) {
    rows.emplace_back("  " + layer["name"].get<std::string>(),
                      layer_text(layer) + (layer["kept"] == 0 ? ": empty" : ""));
  }
  rows.emplace_back("time", format_seconds(run.found.seconds));
  rows.emplace_back("network", RunFolder(command.common.out).file(kNetworkFile).string());
  print_result(command.common, run.record, rows);
}

}  // namespace

void add_prune_command(CLI::App& app) {
  CLI::App* prune = add_run_command(
      app, "prune", "Find a sparse network by any method, NTT's rivals included",
      "ntt prune --method synflow --model lenet-300-100 --data mnist --density 0.03 --scope global --out runs/synflow");
  prune->footer(method_list() + "\n" + prune->get_footer());
  auto command = std::make_shared<FindCommand>();
  TransferOptions& transfer = command->find.transfer;
  prune->add_option("--method", command->find.method, "How weights are chosen (docs/methods.md)")
      ->required()
      ->check(CLI::IsMember(find_methods()));
  add_model_options(*prune, command->model);
  add_data_option(*prune, command->common);
  prune->add_option("--density", transfer.step.density, "Share of the weights to keep")->check(CLI::Range(1e-6, 1.0));
  add_scope_option(*prune, transfer.step.scope);
  prune->add_option("--samples", command->find.samples, "Training inputs that scores are taken on")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  prune
      ->add_option("--rounds", command->find.rounds,
                   "Rounds of scoring, of methods that have several; 0: the method's own number")
      ->check(CLI::NonNegativeNumber);
  // From here on what a transfer takes, which the other methods do not.
  add_fitting_options(*prune, command->find);
  add_length_options(*prune, command->find);
  add_seed_option(*prune, command->common);
  add_out_options(*prune, command->common, transfer.checkpoint_seconds);
  add_tensorboard_option(*prune, transfer.tensorboard);
  add_machine_options(*prune, command->common);
  prune->callback([prune, command] { run_prune(*prune, *command); });
}

}  // namespace ntt
