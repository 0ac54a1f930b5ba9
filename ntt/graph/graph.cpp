#include "ntt/graph/graph.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

namespace ntt {

std::string to_string(const Shape& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

std::int64_t entries(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

bool is_trained(Role role) {
  return role != Role::mean && role != Role::variance && role != Role::constant;
}

std::string_view to_string(Role role) {
  constexpr std::array<std::string_view, 7> kNames{"weight", "bias", "scale", "shift", "mean", "variance", "constant"};
  return kNames[static_cast<std::size_t>(role)];
}

Shape Graph::batch_shape(std::int64_t count) const {
  Shape shape{count};
  shape.insert(shape.end(), input_shape().begin(), input_shape().end());
  return shape;
}

std::vector<std::vector<NodeId>> users_of(const Graph& graph) {
  std::vector<std::vector<NodeId>> users(graph.values.size());
  for (NodeId node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId input : graph.nodes[node].inputs) {
      users[input].push_back(node);
    }
  }
  return users;
}

std::vector<bool> depends_on_parameters(const Graph& graph) {
  std::vector<bool> depends(graph.values.size(), false);
  for (const Node& node : graph.nodes) {
    depends[node.output] =
        std::ranges::any_of(node.inputs, [&](ValueId input) { return depends[input]; }) ||
        std::ranges::any_of(node.parameters, [&](ParameterId id) { return is_trained(graph.parameters[id].role); });
  }
  return depends;
}

std::vector<NodeId> last_readers_of(const Graph& graph) {
  std::vector<NodeId> last(graph.values.size(), 0);
  for (NodeId node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId input : graph.nodes[node].inputs) {
      last[input] = node;
    }
  }
  return last;
}

std::vector<bool> nodes_with_tied_parameters(const Graph& graph) {
  std::vector<bool> tied(graph.nodes.size(), false);
  const auto nodes = nodes_of_parameters(graph);
  for (ParameterId id = 0; id < nodes.size(); ++id) {
    for (const NodeId node : nodes[id]) {
      tied[node] = tied[node] || (nodes[id].size() > 1 && is_trained(graph.parameters[id].role));
    }
  }
  return tied;
}

std::vector<std::vector<NodeId>> nodes_of_parameters(const Graph& graph) {
  std::vector<std::vector<NodeId>> nodes(graph.parameters.size());
  for (NodeId node = 0; node < graph.nodes.size(); ++node) {
    for (const ParameterId parameter : graph.nodes[node].parameters) {
      nodes[parameter].push_back(node);
    }
  }
  return nodes;
}

}  // namespace ntt
