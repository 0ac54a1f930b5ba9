#include "ntt/onnx/patterns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ntt/onnx/layout.h"
#include "ntt/onnx/look.h"
#include "ntt/onnx/step.h"

namespace ntt::onnx_import {
namespace {

using ::onnx::NodeProto;

/// x - mean(x) over some axes.
struct Centred {
  std::string x;
  const NodeProto* mean;
};

std::optional<Centred> centred(const Look& look, const std::string& name) {
  const NodeProto* difference = look.made_by(name, "Sub");
  const NodeProto* mean = difference == nullptr ? nullptr : look.made_by(difference->input(1), "ReduceMean");
  if (mean == nullptr || !look.same(mean->input(0), difference->input(0))) {
    return std::nullopt;
  }
  return Centred{difference->input(0), mean};
}

/// var + epsilon, where the value is its square root.
const NodeProto* under_root(const Look& look, const std::string& name, double exponent) {
  const NodeProto* root = exponent > 0 ? look.made_by(name, "Sqrt") : nullptr;
  if (root == nullptr) {
    root = look.made_by(name, "Pow");
    if (root == nullptr || look.scalar(root->input(1)) != exponent) {
      return nullptr;
    }
  }
  return look.made_by(root->input(0), "Add");
}

/// The sum under the root that a value is divided by, or by whose reciprocal it is multiplied.
const NodeProto* divisor(const Look& look, const NodeProto& node, int factor) {
  const std::string& name = node.input(factor);
  if (node.op_type() == "Div") {
    return factor == 1 ? under_root(look, name, 0.5) : nullptr;
  }
  if (const NodeProto* reciprocal = look.made_by(name, "Reciprocal")) {
    return under_root(look, reciprocal->input(0), 0.5);
  }
  const NodeProto* quotient = look.made_by(name, "Div");
  if (quotient != nullptr && look.scalar(quotient->input(0)) == 1) {
    return under_root(look, quotient->input(1), 0.5);
  }
  return under_root(look, name, -0.5);
}

/// Axes of the graph, ascending; none where they are reduced away or the batch is among them.
std::optional<std::vector<std::int64_t>> mean_axes(Step& step, const NodeProto& mean, const Activation& x) {
  Step at_mean(step.translation(), mean);
  std::vector<std::int64_t> axes;
  if (at_mean.integer("keepdims", 1) == 0) {
    return std::nullopt;
  }
  for (const std::int64_t axis : at_mean.integers("axes", 1)) {
    axes.push_back(inner_axis(step, x, axis));
  }
  std::ranges::sort(axes);
  return axes.empty() ? std::nullopt : std::optional(axes);
}

/// Adds a layer norm over these axes, without scale and shift, which may follow.
void add_layer_norm(Step& step, const Activation& x, const std::vector<std::int64_t>& axes, double epsilon) {
  const Shape shape = step.draft().shape(x.value);
  std::vector<std::int64_t> order;
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(shape.size()); ++axis) {
    if (!std::ranges::binary_search(axes, axis)) {
      order.push_back(axis);
    }
  }
  order.insert(order.end(), axes.begin(), axes.end());
  Shape normalised;
  for (const std::int64_t axis : axes) {
    normalised.push_back(shape[static_cast<std::size_t>(axis)]);
  }
  DraftNode node{.type = "layer-norm", .inputs = {x.value}};
  if (axes.size() != 1) {
    node.attributes["axes"] = static_cast<std::int64_t>(axes.size());
  }
  if (epsilon != 1e-5) {
    node.attributes["epsilon"] = epsilon;
  }
  node.parameters["weight"] = {at::ones(normalised), "", true};
  node.parameters["bias"] = {at::zeros(normalised), "", true};
  if (std::ranges::is_sorted(order)) {
    return step.add(std::move(node), x.batch);
  }
  node.inputs = {step.add_helper({.type = "transpose", .attributes = {{"axes", order}}, .inputs = {x.value}})};
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  }
  const DraftId norm = step.add_helper(std::move(node));
  step.add({.type = "transpose", .attributes = {{"axes", back}}, .inputs = {norm}}, x.batch);
}

/// (x - mean(x)) / sqrt(mean((x - mean(x))²) + ε)
bool ends_layer_norm(Step& step) {
  const Look look(step.translation());
  const NodeProto& node = step.node();
  for (const int i : {0, 1}) {
    const auto numerator = centred(look, node.input(i));
    const NodeProto* sum = numerator ? divisor(look, node, 1 - i) : nullptr;
    const auto parts = sum == nullptr ? std::nullopt : look.with_scalar(*sum);
    const NodeProto* variance = parts ? look.made_by(parts->first, "ReduceMean") : nullptr;
    if (variance == nullptr) {
      continue;
    }
    const NodeProto* square = look.made_by(variance->input(0), "Pow");
    const bool is_power = square != nullptr && look.scalar(square->input(1)) == 2;
    square = is_power ? square : look.made_by(variance->input(0), "Mul");
    const auto squared = square == nullptr ? std::nullopt : centred(look, square->input(0));
    const auto x = look.activation(numerator->x);
    if (!squared || !x || (!is_power && !look.same(square->input(0), square->input(1))) ||
        !look.same(squared->x, numerator->x)) {
      continue;
    }
    const auto axes = mean_axes(step, *numerator->mean, *x);
    if (axes && axes == mean_axes(step, *squared->mean, *x) && axes == mean_axes(step, *variance, *x)) {
      add_layer_norm(step, *x, *axes, parts->second);
      return true;
    }
  }
  return false;
}

/// log(exp(x) + 1)
bool ends_softplus(Step& step) {
  const Look look(step.translation());
  const NodeProto* sum = look.made_by(step.node().input(0), "Add");
  const auto parts = sum == nullptr ? std::nullopt : look.with_scalar(*sum);
  const NodeProto* power = parts && parts->second == 1 ? look.made_by(parts->first, "Exp") : nullptr;
  const auto x = power == nullptr ? std::nullopt : look.activation(power->input(0));
  if (x) {
    step.add({.type = "softplus", .inputs = {x->value}}, x->batch);
  }
  return x.has_value();
}

/// x where b x > t, else softplus(b x) / b: for a large t only that the exponential does not overflow.
bool ends_guarded_softplus(Step& step) {
  constexpr double kLeastThreshold = 10;
  const Look look(step.translation());
  const NodeProto* comparison = look.made_by(step.node().input(0), "Greater");
  const auto threshold = comparison == nullptr ? std::nullopt : look.scalar(comparison->input(1));
  const auto x = look.activation(step.node().input(1));
  const auto softplus = look.activation(step.node().input(2));
  if (!threshold || *threshold < kLeastThreshold || !x || !softplus) {
    return false;
  }
  double factor = 1;
  const auto unscaled = [&](DraftId value) {
    const DraftNode* node = step.draft().find(value, "affine");
    if (node == nullptr || node->attributes.size() != 1 || !node->attributes.contains("factor")) {
      return value;
    }
    factor *= std::get<double>(node->attributes.at("factor"));
    return node->inputs.front();
  };
  const DraftNode* node = step.draft().find(unscaled(softplus->value), "softplus");
  if (node == nullptr || unscaled(node->inputs.front()) != x->value || std::abs(factor - 1) > 1e-4) {
    return false;
  }
  step.set(*softplus);
  return true;
}

}  // namespace

bool ends_pattern(Step& step) {
  const std::string& operation = step.node().op_type();
  const int inputs = step.node().input_size();
  if ((operation == "Mul" || operation == "Div") && inputs == 2) {
    return ends_gelu(step) || ends_layer_norm(step);
  }
  if (operation == "Where" && inputs == 3) {
    return ends_guarded_softplus(step);
  }
  if (operation == "SequenceAt" && inputs == 2) {
    return ends_sequence(step);
  }
  return operation == "Log" && inputs == 1 && ends_softplus(step);
}

}  // namespace ntt::onnx_import
