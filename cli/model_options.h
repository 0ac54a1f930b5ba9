#pragma once

#include <CLI/App.hpp>
#include <string>

#include "ntt/nn/dense_network.h"

namespace ntt {

/// What `--model` takes: "lenet-300-100, ..., a .toml or a .onnx file".
std::string model_help();

/// `--model`, `--weights`, `--initialisation` and `--keep`.
void add_model_options(CLI::App& subcommand, ModelOptions& options);

}  // namespace ntt
