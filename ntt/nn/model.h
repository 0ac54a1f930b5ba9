#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"

namespace ntt {

/// A network as it is named on the command line, before it has weights of its own.
struct Model {
  Graph graph;
  std::map<std::string, at::Tensor> values;  ///< by parameter, float32; none where only the graph was written down
  std::vector<std::string> warnings;         ///< sentences on what is not quite as in the file
};

/// A built-in model for these inputs and classes or, where `model` ends in .toml or .onnx, that file, whose input and
/// output must fit; InputError otherwise.
NTT_API Model find_model(const std::string& model, const Shape& input, std::int64_t classes);

/// A built-in model for the inputs and the ten classes that the published studies gave it, or a file.
NTT_API Model published_model(const std::string& model);

/// How weights are drawn where nothing is said: as published; with batch norm, with which the published draws do not
/// train well, as torchvision draws residual networks.
NTT_API Initialisation default_initialisation(const Graph& graph);

/// Where a model's weights come from.
struct WeightOptions {
  bool given = false;                            ///< those of the file; else they are drawn
  std::optional<Initialisation> initialisation;  ///< nothing: default_initialisation()
};

/// A network of the model. Constants are the file's in any case. InputError where the file's weights are asked for and
/// it has none.
NTT_API Network make_network(const Model& model, const WeightOptions& options, std::uint64_t seed,
                             at::ScalarType dtype = at::kFloat);

/// InputError naming `origin`, where the network is from, if it takes other inputs than the data's or has another
/// number of outputs than the data has classes.
void check_network_fits(const Network& network, const std::string& origin, const Shape& input, std::int64_t classes,
                        const std::string& data);

}  // namespace ntt
