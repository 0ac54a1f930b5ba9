#include "ntt/ops/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/ops/families.h"

namespace ntt {

const std::vector<OperatorType>& operator_types() {
  static const std::vector<OperatorType> types = [] {
    std::vector<OperatorType> all;
    for (const auto family :
         {linear_types, convolution_types, batch_norm_types, layer_norm_types, source_types, activation_types,
          arithmetic_types, attention_types, pooling_types, reduction_types, rearranging_types}) {
      std::ranges::move(family(), std::back_inserter(all));
    }
    return all;
  }();
  return types;
}

const OperatorType& find_operator_type(std::string_view name) {
  const auto& types = operator_types();
  const auto found = std::ranges::find(types, name, &OperatorType::name);
  if (found == types.end()) {
    std::vector<std::string_view> names;
    std::ranges::transform(types, std::back_inserter(names), &OperatorType::name);
    fail_input("there is no layer type '{}'; known are {}", name, fmt::join(names, ", "));
  }
  return *found;
}

std::unique_ptr<Operator> make_operator(std::string_view name, const Declaration& declaration) {
  const OperatorType& type = find_operator_type(name);
  for (const auto& [key, value] : declaration.attributes) {
    if (std::ranges::find(type.attributes, key) == type.attributes.end()) {
      fail_input("a {} layer has no setting '{}'; it knows: {}", name, key,
                 type.attributes.empty() ? "none" : fmt::format("{}", fmt::join(type.attributes, ", ")));
    }
  }
  return type.make(declaration);
}

std::unique_ptr<Operator> make_operator(const Graph& graph, const Node& node) {
  std::vector<Shape> inputs;
  for (const ValueId input : node.inputs) {
    inputs.push_back(graph.values[input].shape);
  }
  return make_operator(node.type, {node.attributes, inputs});
}

}  // namespace ntt
