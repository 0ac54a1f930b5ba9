#include "ntt/models/summary.h"

#include "ntt/ops/registry.h"

namespace ntt {

std::vector<NodeSummary> summarise(const Graph& graph) {
  std::vector<NodeSummary> nodes;
  std::vector<bool> counted(graph.parameters.size(), false);
  ValueId before = graph.input;
  for (const Node& node : graph.nodes) {
    NodeSummary summary{
        node.name, node.type, {}, node.inputs == std::vector{before},         graph.values[node.output].shape,
        {},        0,         0,  make_operator(graph, node)->multiply_adds()};
    for (const ValueId input : node.inputs) {
      summary.inputs.push_back(graph.values[input].name);
    }
    for (const ParameterId id : node.parameters) {
      const ParameterSpec& parameter = graph.parameters[id];
      const bool prunable = parameter.role == Role::weight;
      if (prunable) {
        summary.weights.push_back(parameter.shape);
      }
      if (is_trained(parameter.role) && !counted[id]) {
        summary.parameters += entries(parameter.shape);
        summary.prunable += prunable ? entries(parameter.shape) : 0;
      }
      counted[id] = true;
    }
    nodes.push_back(std::move(summary));
    before = node.output;
  }
  return nodes;
}

GraphTotal total_of(const std::vector<NodeSummary>& nodes) {
  GraphTotal total;
  for (const NodeSummary& node : nodes) {
    total.parameters += node.parameters;
    total.prunable += node.prunable;
    total.multiply_adds += node.multiply_adds;
  }
  return total;
}

}  // namespace ntt
