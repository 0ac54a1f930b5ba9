#include "ntt/find/sparse_run.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/loaded.h"
#include "ntt/find/find.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/dense_network.h"

namespace ntt {
namespace {

/// The layers that were kept whole, of which names that look like numbers are written as such.
std::vector<std::string> kept_layers(const nlohmann::json& options) {
  std::vector<std::string> names;
  for (const nlohmann::json& name : options.value("keep", nlohmann::json::array())) {
    names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  return names;
}

/// How the dense network was drawn, as far as its run says so.
Initialisation initialisation_of(const std::filesystem::path& path) {
  const RunFolder folder(path);
  if (!std::filesystem::exists(folder.file(kResultFile))) {
    return Initialisation::glorot;
  }
  const nlohmann::json record = folder.read_result();
  return parse_initialisation(record.value("options", nlohmann::json::object()).value("initialisation", "glorot"));
}

}  // namespace

SparseRun read_sparse_run(const std::filesystem::path& folder) {
  const std::filesystem::path teacher = RunFolder(folder).file(kTeacherFile);
  if (!std::filesystem::exists(teacher)) {
    fail_input("{} has no {}, the dense network that it was made from: give a folder of ntt transfer or ntt prune",
               folder.string(), kTeacherFile);
  }
  return {folder, read_network(teacher).network, read_network(folder)};
}

Network ablated(const SparseRun& run, Ablation what, std::uint64_t seed) {
  Network network = run.sparse.network.clone();
  ablate(network, run.teacher, what, seed, initialisation_of(run.folder));
  return network;
}

Network inverted(const SparseRun& run, at::Device device) {
  const nlohmann::json record = RunFolder(run.folder).read_result();
  const std::string name = record.value("method", "unknown");
  if (record.value("what", "") != "prune" || !record.at("options").contains("samples") || name == "dense" ||
      fits_student(name)) {
    fail_input("only the scores of a pruning method can be inverted, and {} was made by {}, which has none",
               run.folder.string(), name);
  }
  const nlohmann::json& made_with = record.at("options");
  if (!made_with.contains("data")) {
    fail_input("{} was found on arrays, not on a data set with a name: its scores cannot be taken again to invert them",
               run.folder.string());
  }
  const LoadedData data = load_data(made_with.at("data").get<std::string>(), device,
                                    made_with.value("classes", std::vector<std::int64_t>{}));
  FindOptions options;
  options.method = name;
  options.transfer.step.density = made_with.at("density").get<double>();
  options.transfer.step.scope = parse_scope(made_with.at("scope").get<std::string>());
  options.transfer.step.seed = made_with.at("seed").get<std::uint64_t>();
  options.rounds = made_with.value("rounds", std::int64_t{0});
  options.samples = made_with.at("samples").get<std::int64_t>();
  options.invert = true;
  Network teacher = run.teacher.clone();
  leave_out_of_pruning(teacher, kept_layers(made_with));
  teacher.to(data.train_inputs.device(), at::kFloat);
  Network network = find_sparse_network(std::move(teacher), data.train_inputs, data.train_labels, options).network;
  network.to(at::kCPU, at::kFloat);
  return network;
}

}  // namespace ntt
