#pragma once

#include <CLI/App.hpp>
#include <string>

#include "ntt/nn/dense_network.h"

namespace ntt {

/// What `--model` takes: "lenet-300-100, ..., a .toml or a .onnx file".
std::string model_help();

/// `--model`, `--weights`, `--initialisation` and `--keep`.
void add_model_options(CLI::App& subcommand, ModelOptions& options);

/// Shows in config.toml how weights are drawn where that was not said.
void show_initialisation(CLI::App& subcommand, const ModelOptions& options, const Graph& graph);

}  // namespace ntt
