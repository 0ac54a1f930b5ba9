#include "ntt/find/start.h"

#include <utility>

#include "ntt/find/find.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/network_file.h"

namespace ntt {
namespace {

NetworkFile read_fitting(const std::filesystem::path& path, const LoadedData& data) {
  NetworkFile file = read_network(path);
  check_network_fits(file.network, path.string(), data.input, data.classes, data.name);
  return file;
}

std::optional<Network> find_teacher(const std::filesystem::path& init, const Network& network, const LoadedData& data) {
  const std::filesystem::path file = RunFolder(init).file(kTeacherFile);
  if (std::filesystem::exists(file)) {
    return read_fitting(file, data).network;
  }
  return network.density() == 1 ? std::optional(network.clone()) : std::nullopt;
}

}  // namespace

TrainingStart read_start(const std::filesystem::path& init, const LoadedData& data, bool with_teacher) {
  NetworkFile file = read_fitting(init, data);
  TrainingStart start{std::move(file.network), {}, "unknown", {}, std::move(file.warnings)};
  if (with_teacher) {
    start.teacher = find_teacher(init, start.network, data);
  }
  if (const auto method = file.metadata.find("method"); method != file.metadata.end()) {
    start.method = method->second;
  }
  if (const auto found_on = file.metadata.find("data"); found_on != file.metadata.end()) {
    start.found_on = found_on->second;
  }
  return start;
}

TrainingStart draw_start(const DrawnStart& options, const LoadedData& data, bool with_teacher) {
  FindOptions find;
  find.method = options.method;
  find.transfer.step.density = options.density;
  find.transfer.step.scope = options.scope;
  find.transfer.step.seed = options.seed;
  Model model = find_model(options.model.model, data.input, data.classes);
  Network dense = dense_network(model, options.model.weights, options.model.keep, data.train_inputs, options.seed);
  FoundNetwork found = find_sparse_network(std::move(dense), data.train_inputs, {}, find);
  TrainingStart start{std::move(found.network), {}, options.method, data.name, std::move(model.warnings)};
  if (with_teacher) {
    start.teacher = std::move(found.teacher);
  }
  return start;
}

}  // namespace ntt
