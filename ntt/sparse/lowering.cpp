#include "ntt/sparse/lowering.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ntt/ops/attributes.h"
#include "ntt/ops/convolution.h"
#include "ntt/ops/pooling.h"
#include "ntt/sparse/costs.h"

namespace ntt {
namespace {

using Kind = LoweredStep::Kind;

/// Whether one input is convolved faster by the stored weights than densely.
bool stored_convolution_is_faster(const ConvGeometry& g, std::int64_t stored, std::int64_t weights,
                                  std::int64_t out_channels) {
  if (g.depthwise()) {
    return true;
  }
  const auto positions = static_cast<double>(g.positions());
  const auto moved = static_cast<double>(g.image_size()) + positions * static_cast<double>(out_channels);
  return costs::kRegister * static_cast<double>(stored) * std::ceil(positions / 16) <
         costs::kDenseMultiplyAdd * static_cast<double>(weights) * positions + costs::kConverted * moved;
}

class Lowering {
 public:
  Lowering(const Network& network, Products products)
      : network_(network), graph_(network.execution()), products_(products), users_(users_of(graph_)) {
    lowered_.sources.resize(graph_.values.size());
    lowered_.sequences = std::ranges::any_of(graph_.nodes, [](const Node& node) { return node.type == "conv1d"; });
    producers_.resize(graph_.values.size());
    for (ValueId value = 0; value < graph_.values.size(); ++value) {
      lowered_.sources[value] = value;
    }
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
      add_node(id);
    }
  }

  Lowered take() { return std::move(lowered_); }

 private:
  const Shape& shape(ValueId value) const { return graph_.values[value].shape; }
  bool is_alias(ValueId value) const { return lowered_.sources[value] != value; }
  bool has_aliases(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](ValueId value) { return is_alias(value); });
  }

  /// Whether this is the only node that reads a value.
  bool is_only_reader(ValueId value) const { return users_[value].size() == 1 && graph_.output != value; }

  void add_node(NodeId id) {
    const Node& node = graph_.nodes[id];
    if (flattens_for_linear(node)) {
      lowered_.sources[node.output] = lowered_.sources[node.inputs.front()];
      return;
    }
    if (fuses_activation(node) || fuses_sum(node)) {
      return;
    }
    LoweredStep step;
    step.node = id;
    step.inputs = node.inputs;
    step.output = node.output;
    step.kind = kind_of(id, node);
    if (step.kind == Kind::activate) {
      step.activation = *activation_of(node);
    }
    producers_[node.output] = lowered_.steps.size();
    lowered_.steps.push_back(std::move(step));
  }

  /// Linear layers read images as they lie.
  bool flattens_for_linear(const Node& node) const {
    const bool flattens = node.type == "flatten" || (node.type == "reshape" && shape(node.output).size() == 1);
    return flattens && graph_.output != node.output && std::ranges::all_of(users_[node.output], [&](NodeId user) {
             return graph_.nodes[user].type == "linear" && takes_stored_weights(user);
           });
  }

  /// The step whose result this node alone reads, if it can take up more work.
  LoweredStep* open_step(ValueId value) {
    if (is_alias(value) || !is_only_reader(value) || !producers_[value]) {
      return nullptr;
    }
    LoweredStep& step = lowered_.steps[*producers_[value]];
    return step.activation.identity() && step.kind != Kind::dense && step.kind != Kind::concat ? &step : nullptr;
  }

  void move_output(LoweredStep& step, ValueId output) {
    producers_[output] = producers_[step.output];
    step.output = output;
  }

  bool fuses_activation(const Node& node) {
    const auto activation = activation_of(node);
    LoweredStep* step = activation ? open_step(node.inputs.front()) : nullptr;
    if (step == nullptr) {
      return false;
    }
    step->activation = *activation;
    move_output(*step, node.output);
    return true;
  }

  /// Makes a sum a part of the later of the two products before it.
  bool fuses_sum(const Node& node) {
    if (node.type != "add" || has_aliases(node) || node.inputs[0] == node.inputs[1] ||
        shape(node.inputs[0]) != shape(node.inputs[1])) {
      return false;
    }
    const auto order = [&](ValueId value) {
      return producers_[value] ? static_cast<std::int64_t>(*producers_[value]) : -1;
    };
    const std::size_t later = order(node.inputs[0]) > order(node.inputs[1]) ? 0 : 1;
    LoweredStep* step = open_step(node.inputs[later]);
    if (step == nullptr || step->kind != Kind::product || step->residual) {
      return false;
    }
    step->residual = node.inputs[1 - later];
    move_output(*step, node.output);
    return true;
  }

  bool takes_stored_weights(NodeId id) const {
    const Node& node = graph_.nodes[id];
    const at::Tensor& weight = network_.parameters_of(id).effective(WeightOperator::kWeight);
    const auto* conv = dynamic_cast<const Convolution*>(&network_.op(id));
    if ((conv == nullptr && shape(node.output).size() != 1) || !weight.is_cpu()) {
      return false;
    }
    if (products_ == Products::all) {
      return true;
    }
    const auto stored = at::count_nonzero(weight).item<std::int64_t>();
    if (conv == nullptr) {
      return costs::kGathered * static_cast<double>(stored) < costs::kDenseWeight * static_cast<double>(weight.numel());
    }
    return stored_convolution_is_faster(conv->geometry(), stored, weight.numel(), weight.size(0));
  }

  /// Whether a value is [channels, positions...] or [features].
  bool has_channels(ValueId value) const {
    return shape(value).size() == 1 || shape(value).size() == 3 || (shape(value).size() == 2 && lowered_.sequences);
  }

  Kind kind_of(NodeId id, const Node& node) const {
    if (node.type == "linear" || node.type == "conv2d" || node.type == "conv1d") {
      return takes_stored_weights(id) ? Kind::product : Kind::dense;
    }
    if (node.inputs.empty() || has_aliases(node)) {
      return Kind::dense;
    }
    const bool alike = shape(node.inputs.front()) == shape(node.inputs.back());
    if (node.type == "add" && alike) {
      return Kind::sum;
    }
    if (node.type == "mul" && (alike || scales_channels(node))) {
      return Kind::scale;
    }
    if (activation_of(node)) {
      return Kind::activate;
    }
    const bool channels = has_channels(node.output) &&
                          std::ranges::all_of(node.inputs, [&](ValueId value) { return has_channels(value); });
    return channels ? kind_by_channel(id, node) : Kind::dense;
  }

  Kind kind_by_channel(NodeId id, const Node& node) const {
    if (node.type == "batch-norm" || (node.type == "average-pool" && averages_whole_windows(id))) {
      return Kind::product;
    }
    if (node.type == "max-pool") {
      return Kind::max_pool;
    }
    if (node.type == "reduce-mean" && averages_positions(node)) {
      return Kind::mean;
    }
    return node.type == "concat" && joins_channels(node) ? Kind::concat : Kind::dense;
  }

  /// Whether each mean is over as many values, padding being zeros.
  bool averages_whole_windows(NodeId id) const {
    const PoolGeometry& g = dynamic_cast<const Pooling&>(network_.op(id)).geometry();
    return !g.ceil_mode && g.pad_top + g.pad_left + g.pad_bottom + g.pad_right == 0;
  }

  /// Whether a mean is over all axes but the channels.
  bool averages_positions(const Node& node) const {
    const auto dimensions = static_cast<std::int64_t>(shape(node.inputs.front()).size());
    const std::vector<std::int64_t> axes = Settings(node.type, {node.attributes, {}}).list("axes");
    return dimensions > 1 && static_cast<std::int64_t>(axes.size()) == dimensions - 1 &&
           std::ranges::none_of(axes, [&](std::int64_t axis) { return axis == 0 || axis == -dimensions; });
  }

  /// Whether one value is images, and the other one number for each of their channels.
  bool scales_channels(const Node& node) const {
    const auto by_channel = [](const Shape& image, const Shape& channels) {
      return image.size() == 3 && channels == Shape{image.front(), 1, 1};
    };
    const Shape& a = shape(node.inputs.front());
    const Shape& b = shape(node.inputs.back());
    return by_channel(a, b) || by_channel(b, a);
  }

  bool joins_channels(const Node& node) const {
    return Settings(node.type, {node.attributes, {}}).axis("axis", 0, shape(node.output).size()) == 0;
  }

  const Network& network_;
  const Graph& graph_;
  Products products_;
  std::vector<std::vector<NodeId>> users_;
  std::vector<std::optional<std::size_t>> producers_;  ///< the step of each value that a step writes
  Lowered lowered_;
};

}  // namespace

bool has_sparse_kernel(std::string_view type) {
  constexpr std::array<std::string_view, 20> kTypes{
      "linear", "gelu",    "conv2d",       "conv1d",   "batch-norm",   "relu",       "leaky-relu",
      "clip",   "sigmoid", "silu",         "tanh",     "add",          "hard-swish", "flatten",
      "concat", "mul",     "hard-sigmoid", "max-pool", "average-pool", "reduce-mean"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

Lowered lower(const Network& network, Products products) {
  return Lowering(network, products).take();
}

}  // namespace ntt
