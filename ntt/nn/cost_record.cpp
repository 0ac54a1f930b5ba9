#include "ntt/nn/cost_record.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "ntt/nn/cost.h"

namespace ntt {

nlohmann::json cost_record(const Network& network) {
  const std::vector<LayerCost> costs = layer_costs(network);
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerCost& cost : costs) {
    layers.push_back({{"name", cost.name},
                      {"shape", cost.shape},
                      {"parameters", cost.weights + cost.biases},
                      {"weights", cost.weights},
                      {"kept", cost.kept},
                      {"density", cost.density()},
                      {"biases", cost.biases},
                      {"empty_outputs", cost.empty_outputs},
                      {"unread_inputs", cost.unread_inputs},
                      {"dense_multiply_adds", cost.dense_multiply_adds()},
                      {"sparse_multiply_adds", cost.sparse_multiply_adds()},
                      {"dense_bytes", cost.dense_bytes()},
                      {"masked_bytes", cost.masked_bytes},
                      {"compact_bytes", cost.compact_bytes},
                      {"sparse_bytes", cost.sparse_bytes()}});
  }
  const TotalCost total = total_cost(costs);
  return {{"layers", layers},
          {"total",
           {{"parameters", total.weights + total.biases},
            {"weights", total.weights},
            {"kept", total.kept},
            {"biases", total.biases},
            {"dense_multiply_adds", total.dense_multiply_adds},
            {"sparse_multiply_adds", total.sparse_multiply_adds},
            {"dense_bytes", total.dense_bytes},
            {"masked_bytes", total.masked_bytes},
            {"compact_bytes", total.compact_bytes},
            {"sparse_bytes", total.sparse_bytes}}}};
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

}  // namespace ntt
