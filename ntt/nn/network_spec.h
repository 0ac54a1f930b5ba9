#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/nn/layer.h"

namespace ntt {

/// One layer as written down: its type, its numbers and, for a residual block, its branches.
struct LayerSpec {
  std::string type;  ///< linear, conv2d, relu, tanh, gelu, max-pool, average-pool, flatten, residual
  std::string name;  ///< empty: made from the type and a count, "conv2"
  std::map<std::string, std::int64_t> numbers;  ///< out_features, out_channels, kernel, stride, padding, ...
  std::vector<LayerSpec> body;
  std::vector<LayerSpec> shortcut;
};

/// A sequential network as written down.
struct NetworkSpec {
  std::string name;
  Shape input;  ///< [features] or [channels, height, width]
  std::vector<LayerSpec> layers;

  /// The shape of so many inputs: [count, input...].
  Shape batch_shape(std::int64_t count) const;
};

/// Reads the TOML form (docs/cli.md, "Networks of your own"); InputError naming `origin` and what is wrong.
NetworkSpec parse_network_toml(std::string_view text, const std::string& origin);
NetworkSpec read_network_toml(const std::filesystem::path& path);

/// The TOML form, which parse_network_toml takes back.
std::string to_toml(const NetworkSpec& spec);

/// lenet-300-100, lenet-5-caffe or conv-4 for these inputs and classes, or, where `model` ends in .toml, that file,
/// whose input and output must fit.
NetworkSpec find_model(const std::string& model, const Shape& input, std::int64_t classes);

/// A built-in model for the inputs and the ten classes that the published studies gave it, or a .toml file.
NetworkSpec published_model(const std::string& model);

}  // namespace ntt
