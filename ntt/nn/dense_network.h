#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/model.h"

namespace ntt {

/// Which dense network a sparse one is made of.
struct ModelOptions {
  std::string model = "lenet-300-100";  ///< a built-in model, a .toml or a .onnx file
  WeightOptions weights;
  std::vector<std::string> keep;  ///< layers that are not pruned: first, last, or names
};

/// "glorot", "he" or "as-given"; InputError for any other word.
NTT_API Initialisation parse_initialisation(const std::string& name);
NTT_API std::string to_string(Initialisation initialisation);

/// Takes the weights of these layers (`first`, `last` or names) out of pruning; InputError where there is no such
/// layer, or nothing would be left to prune.
NTT_API void leave_out_of_pruning(Network& network, const std::vector<std::string>& layers);

/// The dense network, on the inputs' device: its weights drawn or given, the mean and variance of batch norm taken from
/// the first 1000 inputs unless they are given, and layers left out of pruning. InputError where the model does not fit
/// inputs [N, ...] and classes, or has no such layer.
NTT_API Network dense_network(const ModelOptions& options, const at::Tensor& inputs, std::int64_t classes,
                              std::uint64_t seed);

/// The same of a model that was found already, or made by the caller.
NTT_API Network dense_network(const Model& model, const WeightOptions& weights, const std::vector<std::string>& keep,
                              const at::Tensor& inputs, std::uint64_t seed);

}  // namespace ntt
