#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"
#include "ntt/onnx/operators.h"

namespace ntt::onnx_import {
namespace {

/// The two sides of an operator whose shapes are broadcast: values in the graph, and the batch of the result.
struct Operands {
  DraftId a;
  DraftId b;
  BatchAxis batch;
};

BatchAxis with_rank(const BatchAxis& batch, std::int64_t rank, std::int64_t new_rank) {
  return {batch.axis + std::max<std::int64_t>(new_rank - rank, 0), batch.outer, batch.inner};
}

/// @param role of a constant that comes from an initialiser
Operands operands(Step& step, std::string_view role) {
  if (step.is_activation(0) && step.is_activation(1)) {
    const Activation a = step.activation(0);
    const Activation b = step.activation(1);
    const std::int64_t rank_a = rank_of(step.draft().shape(a.value), a.batch);
    const std::int64_t rank_b = rank_of(step.draft().shape(b.value), b.batch);
    if (!batches_meet(step, a, b)) {
      fail_input("its inputs are {} and {}, whose batches do not meet",
                 to_string(sides_of(step.draft().shape(a.value), a.batch)),
                 to_string(sides_of(step.draft().shape(b.value), b.batch)));
    }
    return {a.value, b.value, rank_a >= rank_b ? a.batch : b.batch};
  }
  const std::size_t activation_input = step.is_activation(0) ? 0 : 1;
  const Activation activation = step.activation(activation_input);
  const Constant& constant = step.constant(1 - activation_input);
  const std::int64_t rank = rank_of(step.draft().shape(activation.value), activation.batch);
  const std::int64_t out_rank = std::max(rank, constant.value.dim());
  const BatchAxis batch = with_rank(activation.batch, rank, out_rank);
  const DraftId node = constant_node(step, constant, batch, out_rank, role);
  return activation_input == 0 ? Operands{activation.value, node, batch} : Operands{node, activation.value, batch};
}

/// The one number of a constant input that does not add axes to the other input, which depends on the network's.
std::optional<double> scalar(Step& step, std::size_t i) {
  if (!step.is_constant(i)) {
    return std::nullopt;
  }
  const Activation other = step.activation(1 - i);
  const at::Tensor value = step.constant(i).value;
  if (value.numel() != 1 || value.dim() > rank_of(step.draft().shape(other.value), other.batch)) {
    return std::nullopt;
  }
  return step.number(i);
}

void set_affine(Step& step, std::size_t activation_input, double factor, double offset) {
  const Activation input = step.activation(activation_input);
  step.set(Activation{affine(step, input.value, factor, offset), input.batch});
}

/// A constant that is one number for each entry of the last `axes` axes, in their shape; undefined if it is not.
at::Tensor per_entry(const at::Tensor& constant, const Shape& shape, std::size_t axes) {
  at::Tensor value = constant;
  while (value.dim() > static_cast<std::int64_t>(axes) && value.size(0) == 1) {
    value = value.squeeze(0);
  }
  return value.sizes().vec() == Shape(shape.end() - static_cast<std::ptrdiff_t>(axes), shape.end()) ? value
                                                                                                    : at::Tensor();
}

/// A linear layer or a layer norm before an Add or a Mul of a constant takes it as its bias, shift or scale. Returns
/// whether it does.
bool joins_node_before(Step& step, std::size_t activation_input, std::string_view suffix) {
  const Activation input = step.activation(activation_input);
  const DraftNode* before = step.draft().node(input.value);
  const Constant& constant = step.constant(1 - activation_input);
  if (before == nullptr || step.translation().users(step.input_name(activation_input)) != 1 ||
      constant.batch.defined() || constant.sampled || !constant.value.is_floating_point() ||
      constant.value.dim() > rank_of(before->shape, input.batch)) {
    return false;
  }
  DraftNode node = *before;
  std::size_t axes = 1;
  if (node.type == "linear" && suffix == "bias" && !node.parameters.contains("bias")) {
    node.attributes.erase("bias");
  } else if (node.type == "layer-norm" && node.parameters.at(std::string(suffix)).implied &&
             (suffix == "bias" || node.parameters.at("bias").implied)) {
    const auto found = node.attributes.find("axes");
    axes = found == node.attributes.end() ? 1 : static_cast<std::size_t>(std::get<std::int64_t>(found->second));
  } else {
    return false;
  }
  // The batch must not be among the axes that the constant is for.
  const std::int64_t rank = rank_of(node.shape, input.batch);
  const at::Tensor value = per_entry(constant.value, node.shape, axes);
  if (!value.defined() || input.batch.axis >= rank - static_cast<std::int64_t>(axes)) {
    return false;
  }
  node.parameters[std::string(suffix)] = {value, constant.origin};
  // Not step.set(), which would give it this node's name.
  const DraftId joined = step.draft().add(std::move(node));
  step.translation().set(step.node().output(0), Activation{joined, input.batch});
  return true;
}

void binary(Step& step, const char* type, std::string_view role) {
  const Operands sides = operands(step, role);
  step.add({.type = type, .inputs = {sides.a, sides.b}}, sides.batch);
}

/// Whether one input is a constant that the node before the other takes in.
bool joins(Step& step, std::string_view suffix) {
  for (const std::size_t i : {0, 1}) {
    if (step.is_constant(1 - i) && joins_node_before(step, i, suffix)) {
      return true;
    }
  }
  return false;
}

double number_attribute(const DraftNode& node, std::string_view name, double otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : std::get<double>(found->second);
}

bool is_near(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

/// f * min(max(a x + b, 0), m) with f m = 1, as exporters write a hard sigmoid; none otherwise.
std::optional<DraftId> as_hard_sigmoid(Step& step, DraftId input, double factor) {
  const DraftNode* clip = step.draft().find(input, "clip");
  if (clip == nullptr || number_attribute(*clip, "min", -1) != 0 ||
      !is_near(factor * number_attribute(*clip, "max", 0), 1)) {
    return std::nullopt;
  }
  const DraftNode* inner = step.draft().find(clip->inputs.front(), "affine");
  const DraftId x = inner == nullptr ? clip->inputs.front() : inner->inputs.front();
  const double slope = factor * (inner == nullptr ? 1 : number_attribute(*inner, "factor", 1));
  const double offset = factor * (inner == nullptr ? 0 : number_attribute(*inner, "offset", 0));
  DraftNode node{.type = "hard-sigmoid", .inputs = {x}};
  if (!is_near(slope, 1.0 / 6)) {
    node.attributes["slope"] = slope;
  }
  if (!is_near(offset, 0.5)) {
    node.attributes["offset"] = offset;
  }
  return step.add_helper(std::move(node));
}

/// f * (x * min(max(a x + b, 0), m)) in the same way.
std::optional<DraftId> as_gated_hard_sigmoid(Step& step, DraftId input, double factor) {
  const DraftNode* product_node = step.draft().find(input, "mul");
  if (product_node == nullptr) {
    return std::nullopt;
  }
  const std::vector<DraftId> sides = product_node->inputs;
  for (const std::size_t i : {0, 1}) {
    if (const auto gate = as_hard_sigmoid(step, sides[i], factor)) {
      return product(step, sides[1 - i], *gate);
    }
  }
  return std::nullopt;
}

}  // namespace

DraftId affine(Step& step, DraftId input, double factor, double offset) {
  if (factor == 1 && offset == 0) {
    return input;
  }
  if (offset == 0) {
    if (const auto gate = as_hard_sigmoid(step, input, factor)) {
      return *gate;
    }
    if (const auto gated = as_gated_hard_sigmoid(step, input, factor)) {
      return *gated;
    }
  }
  DraftNode node{.type = "affine", .inputs = {input}};
  if (factor != 1) {
    node.attributes["factor"] = factor;
  }
  if (offset != 0) {
    node.attributes["offset"] = offset;
  }
  return step.add_helper(std::move(node));
}

DraftId product(Step& step, DraftId a, DraftId b) {
  for (const SimpleOperator& row : simple_operators()) {
    for (const auto& [x, gate] : {std::pair(a, b), std::pair(b, a)}) {
      const DraftNode* node = row.gate.empty() ? nullptr : step.draft().find(gate, row.gate);
      if (node != nullptr && node->inputs.front() == x && node->attributes.empty()) {
        return step.add_helper({.type = std::string(row.type), .inputs = {x}});
      }
    }
  }
  return step.add_helper({.type = "mul", .inputs = {a, b}});
}

void read_add(Step& step) {
  for (const std::size_t i : {0, 1}) {
    if (const auto offset = scalar(step, 1 - i)) {
      return set_affine(step, i, 1, *offset);
    }
  }
  if (!joins(step, "bias")) {
    binary(step, "add", "shift");
  }
}

void read_sub(Step& step) {
  if (const auto offset = scalar(step, 1)) {
    return set_affine(step, 0, 1, -*offset);
  }
  if (const auto offset = scalar(step, 0)) {
    return set_affine(step, 1, -1, *offset);
  }
  binary(step, "sub", "constant");
}

void read_mul(Step& step) {
  for (const std::size_t i : {0, 1}) {
    if (const auto factor = scalar(step, 1 - i)) {
      return set_affine(step, i, *factor, 0);
    }
  }
  if (joins(step, "weight")) {
    return;
  }
  const Operands sides = operands(step, "scale");
  step.set(Activation{product(step, sides.a, sides.b), sides.batch});
}

void read_div(Step& step) {
  const auto divisor = scalar(step, 1);
  if (divisor && *divisor != 0) {
    return set_affine(step, 0, 1 / *divisor, 0);
  }
  binary(step, "div", "constant");
}

void read_neg(Step& step) {
  set_affine(step, 0, -1, 0);
}

void read_pow(Step& step) {
  const Activation input = step.activation(0);
  const double exponent = step.number(1);
  if (exponent != 1 && exponent != 2 && exponent != 3) {
    fail_input("its exponent is {}; 1, 2 and 3 are supported, and others where they are part of a normalisation",
               exponent);
  }
  DraftId power = input.value;
  for (int i = 1; i < exponent; ++i) {
    power = step.add_helper({.type = "mul", .inputs = {power, input.value}});
  }
  step.set(Activation{power, input.batch});
}

void read_sum(Step& step) {
  Activation sum = step.activation(0);
  for (std::size_t i = 1; i < step.inputs(); ++i) {
    const Activation term = step.activation(i);
    if (!batches_meet(step, sum, term)) {
      fail_input("its inputs have their batches on different axes");
    }
    const bool longer = step.draft().shape(term.value).size() > step.draft().shape(sum.value).size();
    sum = {step.add_helper({.type = "add", .inputs = {sum.value, term.value}}), longer ? term.batch : sum.batch};
  }
  step.set(sum);
}

void read_min_max(Step& step) {
  const bool is_max = step.node().op_type() == "Max";
  if (step.inputs() != 2) {
    fail_input("it has {} inputs; one that depends on the network's and one number are supported", step.inputs());
  }
  for (const std::size_t i : {0, 1}) {
    if (const auto bound = scalar(step, 1 - i)) {
      const Activation input = step.activation(i);
      return step.add({.type = "clip", .attributes = {{is_max ? "min" : "max", *bound}}, .inputs = {input.value}},
                      input.batch);
    }
  }
  fail_input("it compares two tensors; one with one number is supported");
}

}  // namespace ntt::onnx_import
