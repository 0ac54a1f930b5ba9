#include "ntt/sparse/outline.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/ops/convolution.h"
#include "ntt/ops/pooling.h"
#include "ntt/ops/registry.h"

namespace ntt {
namespace {

[[noreturn]] void refuse(const Node& node, std::string_view what) {
  fail_input("sparse execution does not know {} yet (layer '{}')", what, node.name);
}

[[noreturn]] void refuse_type(const Node& node) {
  refuse(node, fmt::format("layers of type '{}'", node.type));
}

BlockLayout layout_of(const Shape& shape) {
  return shape.size() == 3 ? BlockLayout{shape[0], shape[1], shape[2]} : BlockLayout{entries(shape)};
}

void set_geometry(SparseLayer& layer, const ConvGeometry& g, const Node& node) {
  if (g.groups != 1 || g.dilation_height != 1 || g.dilation_width != 1) {
    refuse(node, "convolutions with groups or dilation");
  }
  if (g.stride_height != g.stride_width || g.pad_left != g.pad_top || g.pad_bottom != g.pad_top ||
      g.pad_right != g.pad_top) {
    refuse(node, "convolutions whose sides differ in stride or padding");
  }
  layer.convolution = true;
  layer.kernel_height = g.kernel_height;
  layer.kernel_width = g.kernel_width;
  layer.stride = g.stride_height;
  layer.padding = g.pad_top;
}

/// A layer of a node, without its weights.
SparseLayer shape_of(const Network& network, NodeId id) {
  const Graph& graph = network.graph();
  const Node& node = graph.nodes[id];
  SparseLayer layer;
  if (node.type == "conv2d") {
    set_geometry(layer, dynamic_cast<const Convolution&>(network.op(id)).geometry(), node);
  } else if (node.type != "linear") {
    refuse_type(node);
  } else if (graph.values[node.output].shape.size() != 1) {
    refuse(node, "linear layers on several positions");
  }
  layer.weight_id = node.parameters[WeightOperator::kWeight];
  if (node.parameters.size() > WeightOperator::kBias) {
    layer.bias_id = node.parameters[WeightOperator::kBias];
  }
  const ParameterSpec& weight = graph.parameters[layer.weight_id];
  layer.name = weight.name.substr(0, weight.name.rfind('.'));
  layer.outputs = weight.shape[0];
  layer.inputs = weight.shape[1];
  if (entries(weight.shape) >= std::numeric_limits<std::int32_t>::max()) {
    fail_input("layer '{}' has {} weights, more than sparse execution can number", layer.name, entries(weight.shape));
  }
  return layer;
}

PoolWindows windows_of(const Graph& graph, const Node& node) {
  const auto op = make_operator(graph, node);
  const PoolGeometry& g = dynamic_cast<const Pooling&>(*op).geometry();
  if (op->output_shape().size() != 3 || g.kernel_height != g.kernel_width || g.stride_height != g.stride_width) {
    refuse(node, "pooling over windows that are not square");
  }
  if (g.dilation_height != 1 || g.dilation_width != 1 || g.ceil_mode ||
      g.pad_top + g.pad_left + g.pad_bottom + g.pad_right != 0) {
    refuse(node, "pooling with padding, dilation or ceil_mode");
  }
  return {g.kernel_height, g.stride_height};
}

/// Turns nodes into steps, by shapes alone.
class Planner {
 public:
  explicit Planner(const Network& network)
      : network_(network),
        graph_(network.graph()),
        buffers_(graph_.values.size()),
        readers_(graph_.values.size()),
        uses_(nodes_of_parameters(graph_)) {
    buffers_[graph_.input] = add_buffer(layout_of(graph_.input_shape()));
    count_readers();
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
      buffers_[graph_.nodes[id].output] = add_node(id);
    }
    plan_.output = buffers_[graph_.output];
  }

  Plan take() { return std::move(plan_); }

 private:
  /// Nothing to do: a block of images is one of features as it lies.
  bool only_flattens(const Node& node) const {
    return node.type == "flatten" || (node.type == "reshape" && graph_.values[node.output].shape.size() == 1);
  }

  /// What a value is that may have been flattened: who reads the one reads the other.
  ValueId source_of(ValueId value) const {
    const auto producer = graph_.values[value].producer;
    const bool flattened = producer && only_flattens(graph_.nodes[*producer]);
    return flattened ? source_of(graph_.nodes[*producer].inputs.front()) : value;
  }

  void count_readers() {
    ++readers_[source_of(graph_.output)];
    for (const Node& node : graph_.nodes) {
      for (const ValueId input : node.inputs) {
        readers_[source_of(input)] += only_flattens(node) ? 0 : 1;
      }
    }
  }

  std::size_t add_buffer(const BlockLayout& layout) {
    PlanBuffer buffer;
    buffer.values = layout;
    buffer.values.halo = 0;
    buffer.gradients = buffer.values;
    plan_.buffers.push_back(buffer);
    return plan_.buffers.size() - 1;
  }

  std::size_t add_step(PlanStep step, const BlockLayout& output) {
    step.output = add_buffer(output);
    ++plan_.buffers[step.input].gradient_writers;
    plan_.buffers[step.output].needs_gradient =
        step.kind == PlanStep::Kind::product || plan_.buffers[step.input].needs_gradient;
    if (step.kind == PlanStep::Kind::add) {
      ++plan_.buffers[step.second].gradient_writers;
      plan_.buffers[step.output].needs_gradient |= plan_.buffers[step.second].needs_gradient;
    }
    plan_.steps.push_back(step);
    return step.output;
  }

  /// Returns the buffer of the node's output.
  std::size_t add_node(NodeId id) {
    const Node& node = graph_.nodes[id];
    if (node.inputs.empty()) {
      refuse_type(node);
    }
    PlanStep step;
    step.input = buffers_[node.inputs.front()];
    const bool pools = node.type == "max-pool" || node.type == "average-pool";
    if (only_flattens(node) || (node.type == "relu" && rectifies_step_before(node))) {
      return step.input;
    }
    if (node.type == "linear" || node.type == "conv2d") {
      add_layer(step, id);
    } else if (pools) {
      step.kind = node.type == "max-pool" ? PlanStep::Kind::max_pool : PlanStep::Kind::average_pool;
      step.windows = windows_of(graph_, node);
    } else if (node.type == "add") {
      step.kind = PlanStep::Kind::add;
      step.second = buffers_[node.inputs.back()];
      check_sum(step, node);
    } else {
      step.kind = PlanStep::Kind::pointwise;
      step.function = function_of(node);
    }
    const bool changes_shape = pools || step.kind == PlanStep::Kind::product;
    return add_step(step,
                    changes_shape ? layout_of(graph_.values[node.output].shape) : plan_.buffers[step.input].values);
  }

  /// Makes a ReLU a part of the step whose result it alone reads.
  bool rectifies_step_before(const Node& node) {
    const std::size_t input = buffers_[node.inputs.front()];
    const auto before = std::ranges::find(plan_.steps, input, &PlanStep::output);
    if (readers_[source_of(node.inputs.front())] > 1 || before == plan_.steps.end() ||
        before->kind == PlanStep::Kind::pointwise) {
      return false;
    }
    before->rectify = true;
    plan_.buffers[input].rectified = true;
    return true;
  }

  /// Gives the input the halo that the layer reads.
  void add_layer(PlanStep& step, NodeId id) {
    const Node& node = graph_.nodes[id];
    if (std::ranges::any_of(node.parameters, [&](ParameterId parameter) { return uses_[parameter].size() > 1; })) {
      refuse(node, "weights that several layers share");
    }
    step.layer = plan_.layers.size();
    plan_.layers.push_back(shape_of(network_, id));
    BlockLayout& input = plan_.buffers[step.input].values;
    input.halo = std::max(input.halo, plan_.layers.back().padding);
  }

  void check_sum(const PlanStep& step, const Node& node) const {
    const BlockLayout& a = plan_.buffers[step.input].values;
    const BlockLayout& b = plan_.buffers[step.second].values;
    if (graph_.values[node.inputs.front()].shape != graph_.values[node.inputs.back()].shape) {
      refuse(node, "sums of values of different shapes");
    }
    if (a.channels != b.channels || a.height != b.height || a.width != b.width) {
      refuse(node, "sums of a flattened image and a flat output");
    }
  }

  static Pointwise function_of(const Node& node) {
    if (node.type == "relu") {
      return Pointwise::relu;
    }
    if (node.type == "tanh") {
      return Pointwise::tanh;
    }
    if (node.type != "gelu") {
      refuse_type(node);
    }
    const auto approximation = node.attributes.find("approximation");
    if (approximation != node.attributes.end() && std::get<std::string>(approximation->second) != "none") {
      refuse(node, "gelu layers with an approximation");
    }
    return Pointwise::gelu;
  }

  const Network& network_;
  const Graph& graph_;
  std::vector<std::size_t> buffers_;       ///< of each value
  std::vector<std::size_t> readers_;       ///< of each value that is a source, counting the network's own output
  std::vector<std::vector<NodeId>> uses_;  ///< of each parameter
  Plan plan_;
};

}  // namespace

Plan outline(const Network& network) {
  return Planner(network).take();
}

}  // namespace ntt
