#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/commands.h"
#include "cli/cost_record.h"
#include "cli/prune_run.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "cli/transfer_run.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

void run_transfer(CLI::App& subcommand, TransferCommand& command) {
  apply_threads(command.common.threads);
  const at::Device device = parse_device(command.common.device);
  const LoadedData data = load_data(command.common.data, device, command.common.classes);
  Network teacher = dense_network(command.model, data, command.common.seed);
  settle_transfer(subcommand, command, teacher.graph(), data.classes);
  const std::string model = teacher.graph().name;
  const OpenRun run(subcommand, command.common);
  command.transfer.resume = run.resume();
  command.transfer.out = run.folder().path();
  const FoundNetwork found = find_sparse_network(std::move(teacher), data, command);
  write_pruned(run.folder(), found.teacher, found.student, "ntt", data.name,
               fmt::format("ntt {} transfer --seed {}", NTT_VERSION, command.common.seed));

  nlohmann::json record =
      result_record("transfer", subcommand, command.common, found.result.seconds, found.result.ms_per_step);
  const auto [before, after] = std::pair(found.result.before, found.result.after);
  record["model"] = model;
  record["method"] = "ntt";
  record["data"] = data.name;
  record["density"] = found.student.density();
  record["cost"] = cost_record(found.student);
  record["figures"] = {{"kernel_distance", {{"before", before.kernel}, {"after", after.kernel}}},
                       {"target_distance", {{"before", before.target}, {"after", after.target}}},
                       {"steps", found.result.steps}};
  run.folder().write_result(record);
  print_result(command.common, record,
               {{"model", model},
                {"data", data.name},
                {"density", fmt::format("{:.4g}", found.student.density())},
                {"kernel distance", fmt::format("{:.4g} -> {:.4g}", before.kernel, after.kernel)},
                {"target distance", fmt::format("{:.4g} -> {:.4g}", before.target, after.target)},
                {"steps", format_count(found.result.steps)},
                {"time", format_seconds(found.result.seconds)},
                {"an NTT step", format_seconds(found.result.ms_per_step / 1e3)},
                {"network", run.folder().file(kNetworkFile).string()}});
}

}  // namespace

void add_transfer_command(CLI::App& app) {
  auto command = std::make_shared<TransferCommand>();
  CLI::App* transfer =
      add_run_command(app, "transfer", "Find a sparse network without labels (Neural Tangent Transfer)",
                      "ntt transfer --model lenet-300-100 --data mnist --density 0.03 --seed 1 --out runs/ntt");
  add_model_options(*transfer, command->model);
  add_data_option(*transfer, command->common);
  add_step_options(*transfer, command->transfer);
  add_length_options(*transfer, *command);
  add_seed_option(*transfer, command->common);
  add_out_options(*transfer, command->common, command->transfer.checkpoint_seconds);
  add_tensorboard_option(*transfer, command->transfer.tensorboard);
  add_machine_options(*transfer, command->common);
  transfer->callback([transfer, command] { run_transfer(*transfer, *command); });
}

}  // namespace ntt
