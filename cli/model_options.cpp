#include "cli/model_options.h"

#include <fmt/ranges.h>

#include <CLI/Validators.hpp>

#include "ntt/models/zoo.h"

namespace ntt {

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
          "How weights are drawn: as published (glorot), as torchvision does (he), or with the deviations of the .onnx "
          "file (default: glorot, with batch norm he)")
      ->check(CLI::IsMember({"glorot", "he", "as-given"}));
  subcommand.add_option("--keep", options.keep, "Layers that are not pruned: first, last, or names")
      ->delimiter(',')
      ->type_name("LAYER,...")
      ->default_str("");
}

}  // namespace ntt
