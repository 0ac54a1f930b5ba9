#include "ntt/nn/dense_network.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "ntt/core/error.h"
#include "ntt/nn/statistics.h"

namespace ntt {
namespace {

constexpr std::int64_t kCalibrationInputs = 1000;

const std::map<std::string, Initialisation> kInitialisations{
    {"glorot", Initialisation::glorot}, {"he", Initialisation::he}, {"as-given", Initialisation::as_given}};

/// The weights of the network's layers, by the layers' names.
std::vector<std::pair<std::string, Parameter*>> weights_by_layer(Network& network) {
  std::vector<std::pair<std::string, Parameter*>> weights;
  for (const Node& node : network.graph().nodes) {
    for (const ParameterId id : node.parameters) {
      Parameter* parameter = network.all_parameters()[id].get();
      if (parameter->role == Role::weight) {
        weights.emplace_back(node.name, parameter);
      }
    }
  }
  return weights;
}

}  // namespace

Initialisation parse_initialisation(const std::string& name) {
  const auto found = kInitialisations.find(name);
  if (found == kInitialisations.end()) {
    fail_input("there is no initialisation '{}'; known are glorot, he and as-given", name);
  }
  return found->second;
}

std::string to_string(Initialisation initialisation) {
  return std::ranges::find(kInitialisations, initialisation, [](const auto& entry) { return entry.second; })->first;
}

void leave_out_of_pruning(Network& network, const std::vector<std::string>& layers) {
  const auto weights = weights_by_layer(network);
  for (const std::string& layer : layers) {
    const std::string& name = layer == "first" ? weights.front().first : layer == "last" ? weights.back().first : layer;
    bool found = false;
    for (const auto& [of, weight] : weights) {
      if (of == name) {
        weight->prunable = false;
        found = true;
      }
    }
    if (!found) {
      std::vector<std::string> names;
      std::ranges::transform(weights, std::back_inserter(names), [](const auto& entry) { return entry.first; });
      fail_input("there is no layer '{}' to keep whole; the layers with weights are {}", layer, fmt::join(names, ", "));
    }
  }
  if (std::ranges::none_of(network.parameters(), &Parameter::prunable)) {
    fail_input("every layer is kept whole, so that none is left to prune");
  }
}

Network dense_network(const Model& model, const WeightOptions& weights, const std::vector<std::string>& keep,
                      const at::Tensor& inputs, std::uint64_t seed) {
  Network network = make_network(model, weights, seed);
  network.to(inputs.device(), at::kFloat);
  leave_out_of_pruning(network, keep);
  if (!weights.given) {
    calibrate_statistics(network, inputs.narrow(0, 0, std::min(kCalibrationInputs, inputs.size(0))));
  }
  return network;
}

Network dense_network(const ModelOptions& options, const at::Tensor& inputs, std::int64_t classes, std::uint64_t seed) {
  return dense_network(find_model(options.model, inputs.sizes().slice(1).vec(), classes), options.weights, options.keep,
                       inputs, seed);
}

}  // namespace ntt
