#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"
#include "ntt/onnx/operators.h"
#include "ntt/onnx/tensors.h"

namespace ntt::onnx_import {

void read_simple(Step& step, const SimpleOperator& row) {
  const Activation input = step.activation(0);
  DraftNode node{.type = std::string(row.type), .inputs = {input.value}};
  for (const AttributePair& pair : row.attributes) {
    const double value = step.number(pair.onnx, pair.onnx_default);
    // A sixth is no short decimal number.
    if (std::abs(value - pair.our_default) > 1e-7 * std::abs(pair.our_default)) {
      node.attributes[std::string(pair.ours)] = value;
    }
  }
  step.add(std::move(node), input.batch);
}

void read_identity(Step& step) {
  step.set(step.activation(0));
}

void read_cast(Step& step) {
  if (step.is_constant(0)) {  // of CastLike, to the type of an activation, which are of floats
    const Constant& given = step.constant(0);
    step.set(Constant{given.value.to(at::kFloat), given.batch, given.origin, given.trained});
    return;
  }
  const Activation input = step.activation(0);
  // Everything is computed in float32, whatever the file says.
  if (step.node().op_type() == "Cast" && !at::isFloatingType(scalar_type(step.integer("to", 0)))) {
    fail_input("it makes whole numbers of values that depend on the network's input");
  }
  step.set(input);
}

void read_dropout(Step& step) {
  if (step.has_input(2) && step.number(2) != 0) {
    fail_input("it is in training mode, where it draws at random: export the model in evaluation mode");
  }
  step.set(step.activation(0));
}

void read_clip(Step& step) {
  const Activation input = step.activation(0);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kLargest = 3.4e38;  // before opset 11 a bound that is left out is the largest float32
  const double min = step.has_input(1) ? step.number(1) : step.number("min", -kInfinity);
  const double max = step.has_input(2) ? step.number(2) : step.number("max", kInfinity);
  DraftNode node{.type = "clip", .inputs = {input.value}};
  if (min > -kLargest) {
    node.attributes["min"] = min;
  }
  if (max < kLargest) {
    node.attributes["max"] = max;
  }
  if (node.attributes.empty()) {
    step.set(input);
  } else {
    step.add(std::move(node), input.batch);
  }
}

void read_gelu(Step& step) {
  const Activation input = step.activation(0);
  const std::string approximation = step.word("approximate", "none");
  DraftNode node{.type = "gelu", .inputs = {input.value}};
  if (approximation != "none") {
    node.attributes["approximation"] = approximation;
  }
  step.add(std::move(node), input.batch);
}

/// x σ(a x)
void read_swish(Step& step) {
  const Activation input = step.activation(0);
  const DraftId scaled = affine(step, input.value, step.number("alpha", 1), 0);
  const DraftId gate = step.add_helper({.type = "sigmoid", .inputs = {scaled}});
  step.set(Activation{product(step, input.value, gate), input.batch});
}

/// γ elu(x)
void read_selu(Step& step) {
  const Activation input = step.activation(0);
  const double alpha = step.number("alpha", 1.67326319217681884765625);
  const DraftId elu = step.add_helper({.type = "elu", .attributes = {{"alpha", alpha}}, .inputs = {input.value}});
  step.set(Activation{affine(step, elu, step.number("gamma", 1.05070102214813232421875), 0), input.batch});
}

/// a elu(x / a)
void read_celu(Step& step) {
  const Activation input = step.activation(0);
  const double alpha = step.number("alpha", 1);
  if (alpha <= 0) {
    fail_input("its alpha is {}, but must be larger than 0", alpha);
  }
  const DraftId elu = step.add_helper({.type = "elu", .inputs = {affine(step, input.value, 1 / alpha, 0)}});
  step.set(Activation{affine(step, elu, alpha, 0), input.batch});
}

/// x tanh(softplus(x))
void read_mish(Step& step) {
  const Activation input = step.activation(0);
  const DraftId softplus = step.add_helper({.type = "softplus", .inputs = {input.value}});
  const DraftId gate = step.add_helper({.type = "tanh", .inputs = {softplus}});
  step.set(Activation{product(step, input.value, gate), input.batch});
}

void read_softmax(Step& step) {
  const Activation input = step.activation(0);
  const Shape shape = step.draft().shape(input.value);
  const std::int64_t rank = rank_of(shape, input.batch);
  const std::int64_t onnx_axis = step.integer("axis", step.opset() < 13 ? 1 : -1);
  const std::int64_t axis = inner_axis(step, input, onnx_axis);
  const auto last = static_cast<std::int64_t>(shape.size()) - 1;
  DraftNode node{.type = "softmax", .inputs = {input.value}};
  if (step.opset() >= 13 || axis == last) {
    if (axis != last) {
      node.attributes["axis"] = axis;
    }
    step.add(std::move(node), input.batch);
    return;
  }
  // Before opset 13 it works over all axes from its own on, as one.
  if (Step::axis(onnx_axis, rank) < input.batch.axis) {
    fail_input("it works over the batch");
  }
  Shape flat(shape.begin(), shape.begin() + axis);
  flat.push_back(entries({shape.begin() + axis, shape.end()}));
  node.inputs = {with_shape(step, input.value, flat)};
  step.set(Activation{with_shape(step, step.add_helper(std::move(node)), shape), input.batch});
}

}  // namespace ntt::onnx_import
