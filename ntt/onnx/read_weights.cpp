#include <ATen/ATen.h>

#include <cmath>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"

namespace ntt::onnx_import {
namespace {

/// A parameter of the file in its own order of entries or another.
DraftParameter parameter(Step& step, std::size_t input) {
  return {step.numbers(input), step.constant(input).origin};
}

/// x Wᵀ + b along the last axis; a bias without value is none.
DraftNode linear_node(Step& step, DraftId input, DraftParameter weight, DraftParameter bias) {
  DraftNode node{.type = "linear", .inputs = {input}};
  node.attributes["out_features"] = weight.value.size(0);
  if (step.draft().shape(input).size() == 3) {  // could be an image whose flattening was forgotten
    node.attributes["in_features"] = weight.value.size(1);
  }
  node.parameters["weight"] = std::move(weight);
  if (bias.value.defined()) {
    node.parameters["bias"] = std::move(bias);
  } else {
    node.attributes["bias"] = false;
  }
  return node;
}

/// Gemm's last term as the bias of a linear layer: one number for each output.
DraftParameter gemm_bias(Step& step, std::int64_t outputs, double beta) {
  DraftParameter bias = parameter(step, 2);
  const at::Tensor given = bias.value;
  if (given.dim() > 2 || (given.dim() == 2 && given.size(0) != 1) ||
      (given.dim() > 0 && given.size(-1) != 1 && given.size(-1) != outputs)) {
    fail_input("its C of {} is not one number for each of the {} outputs", to_string(given.sizes().vec()), outputs);
  }
  bias.value = (given.dim() == 2 ? given.squeeze(0) : given).expand({outputs});
  if (beta != 1) {
    bias.value = bias.value * beta;
  }
  return bias;
}

/// Without leading axes of one entry.
at::Tensor as_matrix(at::Tensor value) {
  while (value.dim() > 2 && value.size(0) == 1) {
    value = value.squeeze(0);
  }
  return value;
}

void matmul_with_right_constant(Step& step) {
  const Activation input = step.activation(0);
  const std::int64_t rank = rank_of(step.draft().shape(input.value), input.batch);
  DraftParameter weight = parameter(step, 1);
  inner_axis(step, input, -1);
  if (weight.value.dim() <= rank) {
    weight.value = as_matrix(weight.value);
  }
  if (weight.value.dim() == 1) {
    weight.value = weight.value.unsqueeze(0);
    const DraftId value = step.add_helper(linear_node(step, input.value, weight, {}));
    Shape shape = step.draft().shape(value);
    shape.pop_back();
    step.set(Activation{with_shape(step, value, shape), input.batch});
  } else if (weight.value.dim() == 2) {
    weight.value = weight.value.t();
    step.add(linear_node(step, input.value, std::move(weight), {}), input.batch);
  } else {
    if (input.batch.axis >= rank - 2) {
      fail_input("it multiplies along the batch, which would mix its inputs");
    }
    const std::int64_t out_rank = std::max(rank, weight.value.dim());
    BatchAxis batch = input.batch;
    batch.axis += out_rank - rank;
    const DraftId factor = constant_node(step, step.constant(1), batch, out_rank, "weight");
    step.add({.type = "matmul", .inputs = {input.value, factor}}, batch);
  }
}

/// A x is (xᵀ Aᵀ)ᵀ: a linear layer along the last axis but one.
void matmul_with_left_constant(Step& step) {
  const Activation input = step.activation(1);
  DraftParameter weight = parameter(step, 0);
  weight.value = as_matrix(weight.value);
  const Shape shape = step.draft().shape(input.value);
  const std::int64_t rank = rank_of(shape, input.batch);
  if (weight.value.dim() != 2 || input.batch.axis >= rank - 2) {
    fail_input(
        "its left input is a constant of {} and its right input {}: only a matrix times [batch, .., m, n] is "
        "supported",
        to_string(step.constant(0).value.sizes().vec()), to_string(sides_of(shape, input.batch)));
  }
  std::vector<std::int64_t> swapped(shape.size());
  for (std::size_t i = 0; i < swapped.size(); ++i) {
    swapped[i] = static_cast<std::int64_t>(i);
  }
  std::swap(swapped.end()[-1], swapped.end()[-2]);
  const DraftNode transpose{.type = "transpose", .attributes = {{"axes", swapped}}, .inputs = {input.value}};
  DraftNode back = transpose;
  const DraftId columns = step.add_helper(transpose);
  back.inputs = {step.add_helper(linear_node(step, columns, std::move(weight), {}))};
  step.add(std::move(back), input.batch);
}

/// What PyTorch's newer exporter computes, unoptimised, for a convolution without a bias.
bool are_computed_zeros(const Constant& bias) {
  return !bias.trained && bias.value.eq(0).all().item<bool>();
}

}  // namespace

void read_conv(Step& step) {
  const Activation input = step.activation(0);
  check_batch_first(step, input);
  const Shape shape = step.draft().shape(input.value);
  DraftParameter weight = parameter(step, 1);
  const std::int64_t axes = static_cast<std::int64_t>(shape.size()) - 1;
  if (axes < 1 || axes > 2) {
    fail_input("its input has {} axes beside batch and channels; convolutions over 1 and 2 are supported", axes);
  }
  if (weight.value.dim() != axes + 2) {
    fail_input("its weight of {} does not fit an input of {}", to_string(weight.value.sizes().vec()),
               to_string(sides_of(shape, input.batch)));
  }
  const std::vector<std::int64_t> kernel = weight.value.sizes().slice(2).vec();
  const Window window = read_window(step, {shape.begin() + 1, shape.end()}, kernel);
  if (window.kernel != kernel) {
    fail_input("its kernel_shape is {}, but its weight is {}", to_string(window.kernel),
               to_string(weight.value.sizes().vec()));
  }
  DraftNode node{.type = axes == 1 ? "conv1d" : "conv2d", .inputs = {input.value}};
  node.attributes["out_channels"] = weight.value.size(0);
  set_window(node.attributes, window, false);
  const std::int64_t groups = step.integer("group", 1);
  if (groups != 1) {
    node.attributes["groups"] = groups;
  }
  node.parameters["weight"] = std::move(weight);
  if (step.has_input(2) && !are_computed_zeros(step.constant(2))) {
    node.parameters["bias"] = parameter(step, 2);
  } else {
    node.attributes["bias"] = false;
  }
  step.add(std::move(node), {});
}

void read_gemm(Step& step) {
  const Activation input = step.activation(0);
  const bool transposed = step.integer("transA", 0) != 0;
  const Shape& shape = step.draft().shape(input.value);
  if (rank_of(shape, input.batch) != 2 || input.batch.axis != (transposed ? 1 : 0) ||
      (transposed && input.batch.factor() != 1)) {
    fail_input("its A is {}{}, but must be [batch, features]", to_string(sides_of(shape, input.batch)),
               transposed ? ", to be transposed" : "");
  }
  DraftParameter weight = parameter(step, 1);
  if (weight.value.dim() != 2) {
    fail_input("its B of {} is not a matrix", to_string(weight.value.sizes().vec()));
  }
  if (step.integer("transB", 0) == 0) {
    weight.value = weight.value.t();
  }
  const double alpha = step.number("alpha", 1);
  if (alpha != 1) {
    weight.value = weight.value * alpha;
  }
  const double beta = step.number("beta", 1);
  BatchAxis batch = input.batch;
  batch.axis = 0;
  DraftParameter bias;
  if (step.is_constant(2)) {
    bias = gemm_bias(step, weight.value.size(0), beta);
  }
  if (!step.is_activation(2)) {
    step.add(linear_node(step, input.value, std::move(weight), std::move(bias)), batch);
    return;
  }
  const Activation added = step.activation(2);
  const DraftId outputs = step.add_helper(linear_node(step, input.value, std::move(weight), {}));
  if (!batches_meet(step, {outputs, batch}, added)) {
    fail_input("its C does not have the batch as its first axis");
  }
  const DraftId scaled = affine(step, added.value, beta, 0);
  step.add({.type = "add", .inputs = {outputs, scaled}}, batch);
}

void read_matmul(Step& step) {
  if (step.is_constant(1)) {
    return matmul_with_right_constant(step);
  }
  if (step.is_constant(0)) {
    return matmul_with_left_constant(step);
  }
  const Activation a = step.activation(0);
  const Activation b = step.activation(1);
  const std::int64_t rank_a = rank_of(step.draft().shape(a.value), a.batch);
  const std::int64_t rank_b = rank_of(step.draft().shape(b.value), b.batch);
  if (!batches_meet(step, a, b) || a.batch.axis >= rank_a - 2 || b.batch.axis >= rank_b - 2) {
    fail_input("it multiplies {} with {}, which would mix the inputs of a batch",
               to_string(sides_of(step.draft().shape(a.value), a.batch)),
               to_string(sides_of(step.draft().shape(b.value), b.batch)));
  }
  step.add({.type = "matmul", .inputs = {a.value, b.value}}, rank_a >= rank_b ? a.batch : b.batch);
}

void read_batch_normalization(Step& step) {
  const Activation input = step.activation(0);
  // [batch * tokens, channels] has its channels last in the graph, where batch norm has them first.
  const bool is_merged =
      input.batch.axis == 0 && input.batch.factor() > 1 && step.draft().shape(input.value).size() == 2;
  if (!is_merged) {
    check_batch_first(step, input);
  }
  if (step.integer("training_mode", 0) != 0 || (step.opset() < 14 && (step.is_used(1) || step.is_used(2)))) {
    fail_input("it is in training mode, where it normalises by the batch: export the model in evaluation mode");
  }
  DraftNode transpose{.type = "transpose", .attributes = {{"axes", std::vector<std::int64_t>{1, 0}}}};
  transpose.inputs = {input.value};
  DraftNode node{.type = "batch-norm", .inputs = {is_merged ? step.add_helper(transpose) : input.value}};
  node.parameters["weight"] = parameter(step, 1);
  node.parameters["bias"] = parameter(step, 2);
  node.parameters["running_mean"] = parameter(step, 3);
  node.parameters["running_var"] = parameter(step, 4);
  const double epsilon = step.number("epsilon", 1e-5);
  if (epsilon != 1e-5) {
    node.attributes["epsilon"] = epsilon;
  }
  const double momentum = step.number("momentum", 0.9);
  if (momentum != 0.9) {
    node.attributes["momentum"] = std::round((1 - momentum) * 1e9) / 1e9;  // PyTorch's is the share of the new
  }
  if (!is_merged) {
    return step.add(std::move(node), {});
  }
  transpose.inputs = {step.add_helper(std::move(node))};
  step.add(std::move(transpose), input.batch);
}

void read_layer_normalization(Step& step) {
  const Activation input = step.activation(0);
  const Shape shape = step.draft().shape(input.value);
  const std::int64_t rank = rank_of(shape, input.batch);
  const std::int64_t axis = Step::axis(step.integer("axis", -1), rank);
  if (input.batch.axis >= axis) {
    fail_input("it normalises over the batch of {}", to_string(sides_of(shape, input.batch)));
  }
  const double epsilon = step.number("epsilon", 1e-5);
  DraftNode node{.type = "layer-norm", .inputs = {input.value}};
  if (rank - axis != 1) {
    node.attributes["axes"] = rank - axis;
  }
  if (epsilon != 1e-5) {
    node.attributes["epsilon"] = epsilon;
  }
  node.parameters["weight"] = parameter(step, 1);
  if (step.has_input(2)) {
    node.parameters["bias"] = parameter(step, 2);
  } else {
    node.parameters["bias"] = {at::zeros(Shape(shape.end() - (rank - axis), shape.end())), "", true};
  }
  step.add(std::move(node), input.batch);
}

}  // namespace ntt::onnx_import
