#include "cli/prune_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"

namespace ntt {

PruneData pruning_data(const PruneMethod& method, const LoadedData& data, std::int64_t samples, std::uint64_t seed) {
  if (!method.reads_inputs) {
    return {};
  }
  RandomStream stream(seed, "prune-samples");
  const std::int64_t all = data.train_inputs.size(0);
  const at::Tensor chosen =
      random_permutation(stream, all).narrow(0, 0, std::min(samples, all)).to(data.train_inputs.device());
  PruneData result{data.train_inputs.index_select(0, chosen), {}};
  if (method.reads_labels) {
    result.labels = data.train_labels.index_select(0, chosen);
  }
  return result;
}

void write_pruned(const RunFolder& folder, const Network& dense, const Network& pruned, const std::string& method,
                  const std::string& data, const std::string& provenance) {
  std::map<std::string, std::string> metadata = {
      {"model", dense.graph().name}, {"data", data}, {"method", "dense"}, {"provenance", provenance}};
  write_network(folder.file(kTeacherFile), dense, metadata);
  metadata["method"] = method;
  write_network(folder.file(kNetworkFile), pruned, metadata);
}

void warn_of_empty_layers(const Network& network) {
  for (const std::string& name : empty_layers(network)) {
    spdlog::warn("nothing is left of {}: what lies behind it no longer sees the inputs", name);
  }
}

nlohmann::json layer_densities(const Network& network) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->prunable) {
      const std::int64_t all = parameter->value.numel();
      layers.push_back({{"name", parameter->name},
                        {"weights", all},
                        {"kept", parameter->kept()},
                        {"density", static_cast<double>(parameter->kept()) / static_cast<double>(all)}});
    }
  }
  return layers;
}

std::string layer_text(const nlohmann::json& layer) {
  return fmt::format("{:.4g}, {} of {}", layer["density"].get<double>(),
                     format_count(layer["kept"].get<std::int64_t>()),
                     format_count(layer["weights"].get<std::int64_t>()));
}

}  // namespace ntt
