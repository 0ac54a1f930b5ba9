#include "cli/find_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "cli/model_options.h"
#include "cli/process/log.h"
#include "cli/process/terminal_observer.h"
#include "cli/resumable.h"
#include "ntt/core/threads.h"
#include "ntt/find/record.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

/// Checks options against the network and fills in those that depend on it.
void settle(CLI::App& subcommand, FindOptions& options, const Graph& graph, std::int64_t inputs) {
  check_find_options(options, graph);
  if (!fits_student(options.method)) {
    return;
  }
  fill_in_defaults(options, graph, inputs);
  const auto show = [&](const char* name, const auto& value) {
    if (value) {  // matching outputs only has no kernel weight
      subcommand.get_option(name)->default_str(fmt::format("{}", *value));
    }
  };
  show("--weight-decay", options.weight_decay);
  show("--learning-rate", options.learning_rate);
  show("--mask-interval", options.mask_interval);
  show("--kernel-weight", options.kernel_weight);
}

}  // namespace

FindRun run_find(CLI::App& subcommand, FindCommand& command, const std::string& provenance) {
  const CommonOptions& common = command.common;
  TransferOptions& transfer = command.find.transfer;
  transfer.step.seed = common.seed;
  check_find_options(command.find);
  apply_threads(common.threads);
  const LoadedData data = load_data(common, parse_device(common.device));
  const Model model = find_model(command.model.model, data.input, data.classes);
  log_warnings(model.warnings);
  Network dense = dense_network(model, command.model.weights, command.model.keep, data.train_inputs, common.seed);
  show_initialisation(subcommand, command.model, dense.graph());
  settle(subcommand, command.find, dense.graph(), data.train_inputs.size(0));
  const OpenRun run(subcommand, common);
  transfer.resume = run.resume();
  transfer.out = run.folder().path();
  if (fits_student(command.find.method)) {
    spdlog::info("transfer: {} at density {}, {} threads", dense.graph().name, transfer.step.density, threads());
  }
  TerminalObserver observer;
  transfer.observer = &observer;
  const auto find = [&] {
    return find_sparse_network(std::move(dense), data.train_inputs, data.train_labels, command.find);
  };
  FoundNetwork found =
      fits_student(command.find.method) ? resumable(subcommand.get_name(), run.folder(), find) : find();
  log_warnings(found.warnings);
  write_found(run.folder().path(), found.teacher, found.network, found.method,
              {{"data", data.name}, {"provenance", provenance}}, format_of(data));
  return {std::move(found), data.name, run.folder()};
}

nlohmann::json write_find_result(const CLI::App& subcommand, const FindCommand& command, const FindRun& run) {
  nlohmann::json record =
      result_record(subcommand.get_name(), subcommand, command.common, run.found.seconds, run.found.ms_per_step);
  record.update(find_record(run.found));
  record["data"] = run.data;
  run.folder.write_result(record);
  return record;
}

std::string layer_text(const nlohmann::json& layer) {
  return fmt::format("{:.4g}, {} of {}", layer["density"].get<double>(),
                     format_count(layer["kept"].get<std::int64_t>()),
                     format_count(layer["weights"].get<std::int64_t>()));
}

}  // namespace ntt
