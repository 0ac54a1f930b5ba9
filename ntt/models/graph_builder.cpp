#include "ntt/models/graph_builder.h"

#include <algorithm>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/ops/registry.h"

namespace ntt {
namespace {

constexpr double kMostEntries = 1e12;  // of a weight or an output: more than memory holds, far from overflow

void check_entries(std::string_view what, const Shape& shape) {
  double entries = 1;
  for (const std::int64_t side : shape) {
    entries *= static_cast<double>(side);
  }
  if (entries > kMostEntries) {
    fail_input("its {} of {} is too large: {:.0e} entries are the most", what, to_string(shape), kMostEntries);
  }
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name, Shape input) {
  graph_.name = std::move(name);
  graph_.values.push_back({"input", std::move(input), std::nullopt});
  names_.insert("input");
}

ParameterId GraphBuilder::parameter(ParameterSpec spec) {
  const auto found = std::ranges::find(graph_.parameters, spec.name, &ParameterSpec::name);
  if (found == graph_.parameters.end()) {
    check_entries(to_string(spec.role), spec.shape);
    graph_.parameters.push_back(std::move(spec));
    return graph_.parameters.size() - 1;
  }
  if (*found != spec) {
    fail_input("its {} '{}' of {} is the {} of {} of another node: tied parameters must have one shape and role",
               to_string(spec.role), spec.name, to_string(spec.shape), to_string(found->role), to_string(found->shape));
  }
  return static_cast<ParameterId>(found - graph_.parameters.begin());
}

ValueId GraphBuilder::add(const NodeSpec& spec) {
  if (!names_.insert(spec.name).second) {
    fail_input("two layers are named '{}'", spec.name);
  }
  std::vector<Shape> inputs;
  for (const ValueId input : spec.inputs) {
    inputs.push_back(graph_.values[input].shape);
  }
  const auto op = make_operator(spec.type, {spec.attributes, inputs});
  check_entries("output", op->output_shape());
  Node node{spec.name, spec.type, spec.attributes, spec.inputs, {}, graph_.values.size()};
  for (const ParameterRule& rule : op->parameters()) {
    const auto given = spec.parameter_names.find(rule.suffix);
    const std::string name =
        given == spec.parameter_names.end() ? fmt::format("{}.{}", spec.name, rule.suffix) : given->second;
    node.parameters.push_back(parameter({name, rule.shape, rule.role}));
  }
  graph_.values.push_back({spec.name, op->output_shape(), graph_.nodes.size()});
  graph_.nodes.push_back(std::move(node));
  return graph_.values.size() - 1;
}

Graph GraphBuilder::finish(ValueId output) {
  std::vector<bool> needed(graph_.values.size(), false);
  needed[kInput] = needed[output] = true;
  for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
    for (const ValueId input : node->inputs) {
      needed[input] = needed[input] || needed[node->output];
    }
  }
  Graph graph;
  graph.name = graph_.name;
  graph.values.push_back(graph_.values.front());
  std::vector<ValueId> new_value(graph_.values.size(), 0);
  std::map<ParameterId, ParameterId> new_parameter;
  for (Node node : graph_.nodes) {
    if (!needed[node.output]) {
      continue;
    }
    for (ValueId& input : node.inputs) {
      input = new_value[input];
    }
    for (ParameterId& id : node.parameters) {
      const auto [entry, is_new] = new_parameter.emplace(id, graph.parameters.size());
      if (is_new) {
        graph.parameters.push_back(graph_.parameters[id]);
      }
      id = entry->second;
    }
    new_value[node.output] = graph.values.size();
    graph.values.push_back({node.name, graph_.values[node.output].shape, graph.nodes.size()});
    node.output = graph.values.size() - 1;
    graph.nodes.push_back(std::move(node));
  }
  graph.output = new_value[output];
  return graph;
}

}  // namespace ntt
