#include "ntt/nn/network_builder.h"

#include <fmt/ranges.h>

#include <set>

#include "ntt/core/error.h"
#include "ntt/nn/layers/average_pool.h"
#include "ntt/nn/layers/conv2d.h"
#include "ntt/nn/layers/flatten.h"
#include "ntt/nn/layers/gelu.h"
#include "ntt/nn/layers/linear.h"
#include "ntt/nn/layers/max_pool.h"
#include "ntt/nn/layers/relu.h"
#include "ntt/nn/layers/residual.h"
#include "ntt/nn/layers/tanh.h"

namespace ntt {
namespace {

constexpr std::int64_t kLargestSize = 1 << 24;  // of any side
constexpr double kMostEntries = 1e12;           // of a weight or an output: more than memory holds, far from overflow

void check_entries(const char* what, const Shape& shape) {
  double entries = 1;
  for (const std::int64_t side : shape) {
    entries *= static_cast<double>(side);
  }
  if (entries > kMostEntries) {
    fail_input("its {} of {} is too large: {:.0e} entries are the most", what, to_string(shape), kMostEntries);
  }
}

/// Checks the numbers of one layer as the builder asks for them.
class Numbers {
 public:
  Numbers(const LayerSpec& spec, std::set<std::string> known) : spec_(spec) {
    for (const auto& [key, value] : spec.numbers) {
      if (!known.contains(key)) {
        fail_input("a {} layer has no setting '{}'; it knows: {}", spec.type, key,
                   known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
      }
    }
  }

  std::int64_t required(const std::string& key) const {
    const auto found = spec_.numbers.find(key);
    if (found == spec_.numbers.end()) {
      fail_input("a {} layer needs '{}'", spec_.type, key);
    }
    return checked(key, found->second, 1);
  }

  std::int64_t optional(const std::string& key, std::int64_t otherwise, std::int64_t least) const {
    const auto found = spec_.numbers.find(key);
    return found == spec_.numbers.end() ? otherwise : checked(key, found->second, least);
  }

 private:
  static std::int64_t checked(const std::string& key, std::int64_t value, std::int64_t least) {
    if (value < least || value > kLargestSize) {
      fail_input("'{}' is {}, but must lie between {} and {}", key, value, least, kLargestSize);
    }
    return value;
  }

  const LayerSpec& spec_;
};

class Builder {
 public:
  explicit Builder(const NetworkSpec& network) : network_(network) {}

  std::unique_ptr<Sequence> sequence(const std::vector<LayerSpec>& specs, Shape& shape, const std::string& prefix) {
    std::vector<std::unique_ptr<Layer>> layers;
    std::map<std::string, int> counts;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const LayerSpec& spec = specs[i];
      const std::string name = prefix + (spec.name.empty() ? default_name(spec.type, counts) : spec.name);
      if (!names_.insert(name).second) {
        throw LayerError(fmt::format("network '{}': two layers are named '{}'", network_.name, name));
      }
      try {
        layers.push_back(layer(spec, shape, name));
        shape = layers.back()->output_shape(shape);
        check_entries("output", shape);
        if (spec.type == "max-pool" && i > 0 && specs[i - 1].type == "relu") {
          // The two commute, derivatives included, and ReLU then works on the pooled values alone.
          std::swap(layers[i - 1], layers[i]);
        }
      } catch (const LayerError&) {
        throw;
      } catch (const InputError& error) {
        throw LayerError(
            fmt::format("network '{}', layer {} ({} '{}'): {}", network_.name, i + 1, spec.type, name, error.what()));
      }
    }
    return std::make_unique<Sequence>(std::move(layers));
  }

 private:
  /// An InputError that already names its layer: enclosing blocks pass it on as it is.
  class LayerError : public InputError {
    using InputError::InputError;
  };

  static std::string default_name(const std::string& type, std::map<std::string, int>& counts) {
    const std::map<std::string, std::string> short_names = {
        {"linear", "fc"}, {"conv2d", "conv"}, {"residual", "block"}, {"max-pool", "pool"}, {"average-pool", "pool"}};
    const auto found = short_names.find(type);
    const std::string stem = found == short_names.end() ? type : found->second;
    return fmt::format("{}{}", stem, ++counts[stem]);
  }

  std::unique_ptr<Layer> layer(const LayerSpec& spec, const Shape& input, const std::string& name) {
    if (spec.type != "residual" && !(spec.body.empty() && spec.shortcut.empty())) {
      fail_input("only a residual layer has a body and a shortcut");
    }
    if (spec.type == "linear") {
      const Numbers numbers(spec, {"in_features", "out_features"});
      if (input.size() != 1) {
        fail_input("it needs a flat input, but its input is {}: put a flatten layer before it", to_string(input));
      }
      const std::int64_t in_features = numbers.optional("in_features", input[0], 1);
      const std::int64_t out_features = numbers.required("out_features");
      check_entries("weight", {out_features, in_features});
      return std::make_unique<Linear>(name, in_features, out_features);
    }
    if (spec.type == "conv2d") {
      return convolution(spec, input, name);
    }
    if (spec.type == "residual") {
      const Numbers numbers(spec, {});
      if (spec.body.empty()) {
        fail_input("a residual layer needs a body, such as body = [{{type = \"relu\"}}]");
      }
      Shape body_shape = input;
      Shape shortcut_shape = input;
      auto body = sequence(spec.body, body_shape, name + ".body.");
      auto shortcut = sequence(spec.shortcut, shortcut_shape, name + ".shortcut.");
      return std::make_unique<Residual>(std::move(body), std::move(shortcut));
    }
    return plain_layer(spec);
  }

  static std::unique_ptr<Layer> convolution(const LayerSpec& spec, const Shape& input, const std::string& name) {
    const Numbers numbers(spec, {"in_channels", "out_channels", "kernel", "stride", "padding"});
    if (input.size() != 3) {
      fail_input("it needs images of channels x height x width, but its input is {}", to_string(input));
    }
    const std::int64_t kernel = numbers.required("kernel");
    const ConvGeometry geometry{numbers.optional("in_channels", input[0], 1),
                                input[1],
                                input[2],
                                kernel,
                                kernel,
                                numbers.optional("stride", 1, 1),
                                numbers.optional("padding", 0, 0)};
    if (input[1] + 2 * geometry.padding < kernel || input[2] + 2 * geometry.padding < kernel) {
      fail_input("its kernel of {0}x{0} does not fit into its input of {1} with padding {2}", kernel, to_string(input),
                 geometry.padding);
    }
    const std::int64_t out_channels = numbers.required("out_channels");
    check_entries("weight", {out_channels, geometry.channels, kernel, kernel});
    return std::make_unique<Conv2d>(name, out_channels, geometry);
  }

  static std::unique_ptr<Layer> plain_layer(const LayerSpec& spec) {
    if (spec.type == "max-pool" || spec.type == "average-pool") {
      const Numbers numbers(spec, {"kernel", "stride"});
      const std::int64_t kernel = numbers.required("kernel");
      const PoolGeometry geometry{kernel, numbers.optional("stride", kernel, 1)};
      if (spec.type == "max-pool") {
        return std::make_unique<MaxPool>(geometry);
      }
      return std::make_unique<AveragePool>(geometry);
    }
    const Numbers numbers(spec, {});
    if (spec.type == "relu") {
      return std::make_unique<Relu>();
    }
    if (spec.type == "tanh") {
      return std::make_unique<Tanh>();
    }
    if (spec.type == "gelu") {
      return std::make_unique<Gelu>();
    }
    if (spec.type == "flatten") {
      return std::make_unique<Flatten>();
    }
    fail_input(
        "there is no layer type '{}'; known are linear, conv2d, relu, tanh, gelu, max-pool, average-pool, flatten and "
        "residual",
        spec.type);
  }

  const NetworkSpec& network_;
  std::set<std::string> names_;
};

}  // namespace

std::unique_ptr<Sequence> build_layers(const NetworkSpec& spec) {
  Shape shape = spec.input;
  return Builder(spec).sequence(spec.layers, shape, "");
}

}  // namespace ntt
