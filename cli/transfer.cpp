#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/find_run.h"
#include "cli/model_options.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/report/table.h"
#include "ntt/version.h"

namespace ntt {
namespace {

void run_transfer(const CLI::App& subcommand, FindCommand& command) {
  const FindRun run =
      run_find(subcommand, command, fmt::format("ntt {} transfer --seed {}", NTT_VERSION, command.common.seed));
  const TransferResult& result = run.found.transfer.value();
  print_result(command.common, run.record,
               {{"model", run.found.network.graph().name},
                {"data", run.record.at("data")},
                {"density", fmt::format("{:.4g}", run.found.network.density())},
                {"kernel distance", fmt::format("{:.4g} -> {:.4g}", result.before.kernel, result.after.kernel)},
                {"target distance", fmt::format("{:.4g} -> {:.4g}", result.before.target, result.after.target)},
                {"steps", format_count(result.steps)},
                {"time", format_seconds(result.seconds)},
                {"an NTT step", format_seconds(result.ms_per_step / 1e3)},
                {"network", RunFolder(command.common.out).file(kNetworkFile).string()}});
}

}  // namespace

void add_transfer_command(CLI::App& app) {
  auto command = std::make_shared<FindCommand>();
  CLI::App* transfer =
      add_run_command(app, "transfer", "Find a sparse network without labels (Neural Tangent Transfer)",
                      "ntt transfer --model lenet-300-100 --data mnist --density 0.03 --seed 1 --out runs/ntt");
  add_model_options(*transfer, command->model);
  add_data_option(*transfer, command->common);
  add_step_options(*transfer, command->find);
  add_length_options(*transfer, command->find);
  add_seed_option(*transfer, command->common);
  add_out_options(*transfer, command->common, command->find.transfer.checkpoint_seconds);
  add_tensorboard_option(*transfer, command->find.transfer.tensorboard);
  add_machine_options(*transfer, command->common);
  transfer->callback([transfer, command] { run_transfer(*transfer, *command); });
}

}  // namespace ntt
