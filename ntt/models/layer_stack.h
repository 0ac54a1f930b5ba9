#pragma once

#include <map>
#include <string>

#include "ntt/models/graph_builder.h"

namespace ntt {

/// A convolution of square kernels on images, padded so that stride 1 keeps their size.
struct PaddedConv {
  std::int64_t out;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t groups = 1;
  bool bias = false;
};

/// Writes a network down layer by layer, for the models that are built in. Each layer reads the one before; those
/// without a name are named by type and count.
class LayerStack {
 public:
  LayerStack(std::string name, Shape input);

  /// Puts this before the names of the layers from now on: "layer1.0." makes "conv1" into "layer1.0.conv1".
  LayerStack& within(std::string prefix);

  /// Adds a layer that reads the one before, or these values.
  LayerStack& add(const std::string& type, Attributes attributes = {}, const std::string& name = "");
  LayerStack& add(const std::string& type, Attributes attributes, const std::string& name,
                  const std::vector<ValueId>& inputs);

  LayerStack& linear(std::int64_t out, const std::string& name = "");
  /// A square kernel with a bias, without padding.
  LayerStack& conv(std::int64_t out, std::int64_t kernel);
  LayerStack& conv(const std::string& name, const PaddedConv& conv);
  LayerStack& batch_norm(const std::string& name) { return add("batch-norm", {}, name); }
  LayerStack& max_pool(std::int64_t kernel, const std::string& name = "");
  LayerStack& relu() { return add("relu"); }
  /// The mean of each channel: [channels, height, width] to [channels].
  LayerStack& mean_of_channels(const std::string& name);
  LayerStack& flatten() { return add("flatten"); }
  /// The last layer's output plus this.
  LayerStack& plus(ValueId other) { return add("add", {}, "", {value_, other}); }
  /// Goes on from a trained value of its own, which is a parameter of this name.
  LayerStack& parameter(const std::string& name, const Shape& shape);

  /// The last layer's output, and where to go on from.
  ValueId value() const { return value_; }
  const Shape& shape() const { return builder_.shape(value_); }
  LayerStack& from(ValueId value);

  Graph finish() { return builder_.finish(value_); }

 private:
  std::string full_name(const std::string& type, const std::string& name);

  GraphBuilder builder_;
  ValueId value_ = GraphBuilder::kInput;
  std::string prefix_;
  std::map<std::string, int, std::less<>> counts_;
};

}  // namespace ntt
