#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/run_support.h"
#include "ntt/nn/model.h"

namespace ntt {

/// Which dense network a sparse one is made of.
struct ModelOptions {
  std::string model = "lenet-300-100";
  WeightOptions weights;
  std::vector<std::string> keep;  ///< layers that are not pruned
};

/// What `--model` takes: "lenet-300-100, ..., a .toml or a .onnx file".
std::string model_help();

/// `--model`, `--weights`, `--initialisation` and `--keep`.
void add_model_options(CLI::App& subcommand, ModelOptions& options);

/// "glorot", "he" or "as-given"; InputError for any other word.
Initialisation parse_initialisation(const std::string& name);

/// Takes the weights of these layers (`first`, `last` or names) out of pruning; InputError where there is no such
/// layer, or nothing would be left to prune.
void leave_out_of_pruning(Network& network, const std::vector<std::string>& layers);

/// The dense network, on the data's device: its weights drawn or given, the mean and variance of batch norm taken from
/// training inputs unless they are given, and the layers of `--keep` left out of pruning. InputError where the model
/// does not fit the data or has no such layer.
Network dense_network(const ModelOptions& options, const LoadedData& data, std::uint64_t seed);

}  // namespace ntt
