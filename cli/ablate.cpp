#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/find_run.h"
#include "cli/process/log.h"
#include "cli/run_support.h"
#include "ntt/find/find.h"
#include "ntt/find/sparse_run.h"
#include "ntt/nn/cost_record.h"
#include "ntt/version.h"

namespace ntt {
namespace {

constexpr const char* kInvert = "invert";

const std::map<std::string, Ablation> kAblations = {{"shuffle", Ablation::shuffle},
                                                    {"shuffle-with-weights", Ablation::shuffle_with_weights},
                                                    {"reinitialise", Ablation::reinitialise}};

struct AblateCommand {
  CommonOptions common;
  std::string init;
  std::string what;
};

void run_ablate(const CLI::App& subcommand, const AblateCommand& command) {
  apply_threads(command.common.threads);
  const SparseRun source = read_sparse_run(command.init);
  const RunRequest request = request_of(subcommand, command.common);
  const OpenRun opened(request, Observer::none());
  const Network network = command.what == kInvert ? inverted(source, parse_device(command.common.device))
                                                  : ablated(source, kAblations.at(command.what), command.common.seed);
  log_warnings(empty_layer_warnings(network));
  const std::map<std::string, std::string>& metadata = source.sparse.metadata;
  const std::string data = metadata.contains("data") ? metadata.at("data") : "unknown";
  const std::string method =
      fmt::format("{}, {}", metadata.contains("method") ? metadata.at("method") : "unknown", command.what);
  const std::string before = metadata.contains("provenance") ? metadata.at("provenance") : command.init;
  write_found(request.out, source.teacher, network, method,
              {{"data", data},
               {"provenance", fmt::format("ntt {} ablate --what {} --seed {}, of: {}", NTT_VERSION, command.what,
                                          command.common.seed, before)}},
              source.sparse.format);
  nlohmann::json record = result_record(request, 0, 0);
  record.erase("seconds");
  record.erase("ms_per_step");
  record["model"] = network.graph().name;
  record["method"] = method;
  record["data"] = data;
  record["density"] = network.density();
  record["cost"] = cost_record(network);
  record["layers"] = layer_densities(network);
  const RunFolder folder(request.out);
  folder.write_result(record);
  print_result(command.common, record,
               {{"model", network.graph().name},
                {"method", method},
                {"found on", data},
                {"density", fmt::format("{:.4g}", network.density())},
                {"network", folder.file(kNetworkFile).string()}});
}

}  // namespace

void add_ablate_command(CLI::App& app) {
  CLI::App* ablate = add_run_command(app, "ablate", "Take a sparse network apart, to see what of it matters",
                                     "ntt ablate --init runs/ntt --what shuffle --seed 1 --out runs/ntt-shuffled");
  auto command = std::make_shared<AblateCommand>();
  ablate->add_option("--init", command->init, "Run folder of ntt transfer or ntt prune")->required()->type_name("DIR");
  ablate
      ->add_option("--what", command->what,
                   "Masks shuffled in each layer, with their weights or without, weights redrawn, or scores inverted")
      ->required()
      ->check(CLI::IsMember({"shuffle", "shuffle-with-weights", "reinitialise", kInvert}));
  add_seed_option(*ablate, command->common);
  ablate->add_option("--out", command->common.out, "Run folder to write")->required()->type_name("DIR");
  add_machine_options(*ablate, command->common);
  ablate->callback([ablate, command] { run_ablate(*ablate, *command); });
}

}  // namespace ntt
