#include "cli/model_options.h"

#include <fmt/ranges.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/models/zoo.h"
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
      fail_input("--keep names '{}', but the layers with weights are {}", layer, fmt::join(names, ", "));
    }
  }
  if (std::ranges::none_of(network.parameters(), &Parameter::prunable)) {
    fail_input("--keep leaves no layer to prune");
  }
}

std::string model_help() {
  return fmt::format("{}, a .toml or a .onnx file", fmt::join(zoo_models(), ", "));
}

void add_model_options(CLI::App& subcommand, ModelOptions& options) {
  subcommand.add_option("--model", options.model, model_help());
  subcommand
      .add_option_function<std::string>(
          "--weights", [&options](const std::string& word) { options.weights.given = word == "given"; },
          "Draw the dense network's weights, or take those of the .onnx file")
      ->check(CLI::IsMember({"random", "given"}))
      ->default_str("random");
  subcommand
      .add_option_function<std::string>(
          "--initialisation",
          [&options](const std::string& word) { options.weights.initialisation = parse_initialisation(word); },
          "How weights are drawn: as published, as torchvision does, or with the deviations of the .onnx file")
      ->check(CLI::IsMember({"glorot", "he", "as-given"}))
      ->default_str("glorot");
  subcommand.add_option("--keep", options.keep, "Layers that are not pruned: first, last, or names")
      ->delimiter(',')
      ->type_name("LAYER,...")
      ->default_str("");
}

Network dense_network(const ModelOptions& options, const LoadedData& data, std::uint64_t seed) {
  Network network = make_network(find_model(options.model, data.input, data.classes), options.weights, seed);
  network.to(data.train_inputs.device(), at::kFloat);
  leave_out_of_pruning(network, options.keep);
  if (!options.weights.given) {
    calibrate_statistics(network,
                         data.train_inputs.narrow(0, 0, std::min(kCalibrationInputs, data.train_inputs.size(0))));
  }
  return network;
}

}  // namespace ntt
