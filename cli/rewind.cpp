#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/process/log.h"
#include "cli/run_support.h"
#include "cli/transfer_options.h"
#include "ntt/core/error.h"
#include "ntt/find/record.h"
#include "ntt/find/rewind.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/dense_network.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"
#include "ntt/version.h"

namespace ntt {
namespace {

struct RewindCommand {
  CommonOptions common;
  std::string init;  ///< the run folder of a training
  double density = 0.03;
  Scope scope = Scope::global;
  std::vector<std::string> keep;
};

/// How many inputs the training in the folder went through.
std::int64_t inputs_read(const RunFolder& folder) {
  const nlohmann::json record = folder.read_result();
  if (record.value("what", "") != "train") {
    fail_input("{} is no finished training; make one with ntt train --rewind-step", folder.path().string());
  }
  return record.at("figures").at("steps").get<std::int64_t>() *
         record.at("options").at("batch-size").get<std::int64_t>();
}

void run_rewind(const CLI::App& subcommand, const RewindCommand& options) {
  apply_threads(options.common.threads);
  const RunFolder training(options.init);
  const std::filesystem::path earlier = training.file(kRewindFile);
  if (!std::filesystem::exists(earlier)) {
    fail_input("{} is not there; a training keeps its earlier weights with ntt train --rewind-step", earlier.string());
  }
  const std::int64_t read = inputs_read(training);
  const NetworkFile trained = read_network(training.file(kNetworkFile));
  Network start = read_network(earlier).network;
  leave_out_of_pruning(start, options.keep);
  const RunRequest request = request_of(subcommand, options.common);
  const OpenRun opened(request, Observer::none());
  const FoundNetwork found = rewind_to(std::move(start), trained.network, options.density, options.scope, read);
  log_warnings(found.warnings);
  const auto data = trained.metadata.find("data");
  const std::string found_on = data == trained.metadata.end() ? "unknown" : data->second;
  write_found(request.out, found.teacher, found.network, found.method,
              {{"data", found_on}, {"provenance", fmt::format("ntt {} rewind --init {}", NTT_VERSION, options.init)}},
              trained.format);
  nlohmann::json record = result_record(request, found.seconds, 0);
  record.update(find_record(found));
  record["data"] = found_on;
  const RunFolder folder(request.out);
  folder.write_result(record);
  print_result(options.common, record,
               {{"model", found.network.graph().name},
                {"method", found.method},
                {"data", found_on},
                {"density", fmt::format("{:.4g}", found.network.density())},
                {"network", folder.file(kNetworkFile).string()}});
}

}  // namespace

void add_rewind_command(CLI::App& app) {
  CLI::App* rewind =
      add_run_command(app, "rewind", "Prune a trained dense network by magnitude and give it back its earlier weights",
                      "ntt train --method dense --model lenet-300-100 --data mnist --rewind-step 0 --out runs/dense\n"
                      "  ntt rewind --init runs/dense --density 0.03 --out runs/late-magnitude");
  auto options = std::make_shared<RewindCommand>();
  rewind->add_option("--init", options->init, "Run folder of a training with --rewind-step")
      ->required()
      ->type_name("DIR");
  rewind->add_option("--density", options->density, "Share of the weights to keep")->check(CLI::Range(1e-6, 1.0));
  add_scope_option(*rewind, options->scope);
  rewind->add_option("--keep", options->keep, "Layers that are not pruned: first, last, or names")
      ->delimiter(',')
      ->type_name("LAYER,...")
      ->default_str("");
  rewind->add_option("--out", options->common.out, "Run folder to write")->required()->type_name("DIR");
  add_machine_options(*rewind, options->common);
  rewind->callback([rewind, options] { run_rewind(*rewind, *options); });
}

}  // namespace ntt
