#include <ATen/ATen.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/find_run.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/find/find.h"
#include "ntt/nn/cost_record.h"
#include "ntt/nn/dense_network.h"
#include "ntt/nn/network_file.h"
#include "ntt/prune/ablation.h"

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

/// What a run folder holds of a sparse initialisation.
struct Source {
  Network dense;
  NetworkFile sparse;
};

Source read_source(const std::string& init) {
  const RunFolder folder(init);
  if (!std::filesystem::exists(folder.file(kTeacherFile))) {
    fail_input("{} has no {}, the dense network that it was made from: give a folder of ntt transfer or ntt prune",
               init, kTeacherFile);
  }
  return {read_network(folder.file(kTeacherFile)).network, read_network(init)};
}

/// The names in --keep, of which those that look like numbers are written as such.
std::vector<std::string> kept_layers(const nlohmann::json& options) {
  std::vector<std::string> names;
  for (const nlohmann::json& name : options.value("keep", nlohmann::json::array())) {
    names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  return names;
}

/// The run of `ntt prune` once more, keeping what it prunes first.
Network inverted(const AblateCommand& command, const Source& source) {
  const nlohmann::json record = RunFolder(command.init).read_result();
  const std::string name = record.value("method", "unknown");
  if (record.value("what", "") != "prune" || !record.at("options").contains("samples") || name == "dense" ||
      fits_student(name)) {
    fail_input("--what invert turns round the scores of ntt prune, and {} was made by {}, which has none", command.init,
               name);
  }
  const nlohmann::json& made_with = record.at("options");
  const LoadedData data = load_data(made_with.at("data").get<std::string>(), parse_device(command.common.device),
                                    made_with.value("classes", std::vector<std::int64_t>{}));
  FindOptions options;
  options.method = name;
  options.transfer.step.density = made_with.at("density").get<double>();
  options.transfer.step.scope = parse_scope(made_with.at("scope").get<std::string>());
  options.transfer.step.seed = made_with.at("seed").get<std::uint64_t>();
  options.rounds = made_with.value("rounds", std::int64_t{0});
  options.samples = made_with.at("samples").get<std::int64_t>();
  options.invert = true;
  Network teacher = source.dense.clone();
  leave_out_of_pruning(teacher, kept_layers(made_with));
  teacher.to(data.train_inputs.device(), at::kFloat);
  Network network = find_sparse_network(std::move(teacher), data.train_inputs, data.train_labels, options).network;
  network.to(at::kCPU, at::kFloat);
  return network;
}

/// How the dense network was drawn, as far as its run says so.
Initialisation initialisation_of(const std::string& init) {
  const RunFolder folder(init);
  if (!std::filesystem::exists(folder.file(kResultFile))) {
    return Initialisation::glorot;
  }
  const nlohmann::json record = folder.read_result();
  return parse_initialisation(record.value("options", nlohmann::json::object()).value("initialisation", "glorot"));
}

void run_ablate(const CLI::App& subcommand, const AblateCommand& command) {
  apply_threads(command.common.threads);
  const Source source = read_source(command.init);
  const OpenRun run(subcommand, command.common);
  Network network = source.sparse.network.clone();
  if (command.what == kInvert) {
    network = inverted(command, source);
  } else {
    ablate(network, source.dense, kAblations.at(command.what), command.common.seed, initialisation_of(command.init));
  }
  log_warnings(empty_layer_warnings(network));
  const std::map<std::string, std::string>& metadata = source.sparse.metadata;
  const std::string data = metadata.contains("data") ? metadata.at("data") : "unknown";
  const std::string method =
      fmt::format("{}, {}", metadata.contains("method") ? metadata.at("method") : "unknown", command.what);
  const std::string before = metadata.contains("provenance") ? metadata.at("provenance") : command.init;
  write_found(run.folder().path(), source.dense, network, method,
              {{"data", data},
               {"provenance", fmt::format("ntt {} ablate --what {} --seed {}, of: {}", NTT_VERSION, command.what,
                                          command.common.seed, before)}},
              source.sparse.format);
  nlohmann::json record = result_record("ablate", subcommand, command.common, 0, 0);
  record.erase("seconds");
  record.erase("ms_per_step");
  record["model"] = network.graph().name;
  record["method"] = method;
  record["data"] = data;
  record["density"] = network.density();
  record["cost"] = cost_record(network);
  record["layers"] = layer_densities(network);
  run.folder().write_result(record);
  print_result(command.common, record,
               {{"model", network.graph().name},
                {"method", method},
                {"found on", data},
                {"density", fmt::format("{:.4g}", network.density())},
                {"network", run.folder().file(kNetworkFile).string()}});
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
