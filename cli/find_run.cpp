#include "cli/find_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cli/process/log.h"
#include "cli/process/terminal_observer.h"
#include "cli/resumable.h"
#include "ntt/report/table.h"

namespace ntt {

FindRun run_find(const CLI::App& subcommand, FindCommand& command, const std::string& provenance) {
  const CommonOptions& common = command.common;
  check_find_options(command.find);
  apply_threads(common.threads);
  const LoadedData data = load_data(common, parse_device(common.device));
  const Model model = find_model(command.model.model, data.input, data.classes);
  log_warnings(model.warnings);
  Network dense = dense_network(model, command.model.weights, command.model.keep, data.train_inputs, common.seed);
  TerminalObserver observer;
  command.find.transfer.observer = &observer;
  const RunRequest request = request_of(subcommand, common);
  FindRun run = resumable(request, [&] {
    return run_find(std::move(dense), data.train_inputs, data.train_labels, command.find, request,
                    {{"data", data.name}, {"provenance", provenance}}, format_of(data));
  });
  log_warnings(run.found.warnings);
  return run;
}

std::string layer_text(const nlohmann::json& layer) {
  return fmt::format("{:.4g}, {} of {}", layer["density"].get<double>(),
                     format_count(layer["kept"].get<std::int64_t>()),
                     format_count(layer["weights"].get<std::int64_t>()));
}

}  // namespace ntt
