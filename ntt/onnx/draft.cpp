#include "ntt/onnx/draft.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/memory.h"
#include "ntt/models/graph_builder.h"
#include "ntt/onnx/names.h"
#include "ntt/ops/registry.h"

namespace ntt::onnx_import {
namespace {

constexpr double kMostEntries = 1e11;
constexpr std::size_t kWorthReturning = 1 << 20;  // bytes

/// Contiguous float32, in one step: large weights are not in memory a third time in between.
at::Tensor as_float(const at::Tensor& value) {
  const bool fits = value.scalar_type() == at::kFloat && value.is_contiguous();
  return fits ? value : at::empty(value.sizes(), at::kFloat).copy_(value);
}

/// Moves a parameter's value to `values`, unless it is there: two nodes may share it.
void move_value(DraftParameter& parameter, at::Tensor& value) {
  if (!value.defined()) {
    value = as_float(parameter.value);
  }
  const bool is_copy = !value.is_alias_of(parameter.value) && parameter.value.nbytes() >= kWorthReturning;
  parameter.value.reset();
  if (is_copy) {
    return_freed_memory();  // the next copy may be larger than the gap that this value leaves
  }
}

}  // namespace

Draft::Draft(Shape input) : input_(std::move(input)) {}

const Shape& Draft::shape(DraftId value) const {
  return value == 0 ? input_ : nodes_[value - 1].shape;
}

const DraftNode* Draft::node(DraftId value) const {
  return value == 0 ? nullptr : &nodes_[value - 1];
}

const DraftNode* Draft::find(DraftId value, std::string_view type) const {
  const DraftNode* found = node(value);
  return found != nullptr && found->type == type ? found : nullptr;
}

DraftId Draft::add(DraftNode node) {
  std::vector<Shape> inputs;
  for (const DraftId input : node.inputs) {
    inputs.push_back(shape(input));
  }
  const auto made = make_operator(node.type, {node.attributes, inputs});
  for (const ParameterRule& rule : made->parameters()) {
    const auto given = node.parameters.find(rule.suffix);
    if (given == node.parameters.end()) {
      fail_input("its {} is missing", rule.suffix);
    }
    const Shape there = given->second.value.sizes().vec();
    if (there != rule.shape) {
      fail_input("its {} has the shape {}, but must have {}", rule.suffix, to_string(there), to_string(rule.shape));
    }
    if (!given->second.value.is_floating_point()) {
      fail_input("its {} is not of floats", rule.suffix);
    }
    given->second.role = rule.role;
  }
  node.shape = made->output_shape();
  double count = 1;
  for (const std::int64_t side : node.shape) {
    count *= static_cast<double>(side);
  }
  if (count > kMostEntries) {
    fail_input("its output of {} is too large", to_string(node.shape));
  }
  nodes_.push_back(std::move(node));
  return nodes_.size();
}

std::vector<bool> Draft::needed_for(DraftId output) const {
  std::vector<bool> needed(nodes_.size() + 1, false);
  needed[output] = true;
  for (DraftId value = nodes_.size(); value > 0; --value) {
    for (const DraftId input : nodes_[value - 1].inputs) {
      needed[input] = needed[input] || needed[value];
    }
  }
  return needed;
}

Draft::Result Draft::finish(const std::string& name, DraftId output) {
  const std::vector<bool> needed = needed_for(output);
  std::vector<DraftNode*> nodes;
  for (DraftId value = 1; value <= nodes_.size(); ++value) {
    if (needed[value]) {
      nodes.push_back(&nodes_[value - 1]);
    } else {
      nodes_[value - 1].parameters.clear();
    }
  }
  NodeNames node_names(nodes);
  ParameterNames parameter_names(nodes);
  GraphBuilder builder(name, input_);
  Result result;
  std::map<const DraftNode*, ValueId> values;
  for (DraftNode* node : nodes) {
    NodeSpec spec{node->type, node_names.next(*node), node->attributes, {}, {}};
    for (const DraftId input : node->inputs) {
      spec.inputs.push_back(input == 0 ? GraphBuilder::kInput : values.at(&nodes_[input - 1]));
    }
    for (const auto& [suffix, parameter] : node->parameters) {
      spec.parameter_names[suffix] = parameter_names.next(spec.name, *node, suffix);
    }
    values[node] = builder.add(spec);
    for (auto& [suffix, parameter] : node->parameters) {
      move_value(parameter, result.values[spec.parameter_names[suffix]]);
    }
  }
  result.warnings = parameter_names.warnings();
  result.graph = builder.finish(output == 0 ? GraphBuilder::kInput : values.at(&nodes_[output - 1]));
  return result;
}

}  // namespace ntt::onnx_import
