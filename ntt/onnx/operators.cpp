#include "ntt/onnx/operators.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/names.h"

namespace ntt::onnx_import {
namespace {

const std::vector<OtherOperator> kOtherOperators{
    // with parameters
    {"Conv", read_conv, nullptr, {"conv1d", "conv2d"}},
    {"Gemm", read_gemm, nullptr, {"linear"}},
    {"MatMul", read_matmul, nullptr, {"linear", "matmul"}},
    {"BatchNormalization", read_batch_normalization, nullptr, {"batch-norm"}},
    {"LayerNormalization", read_layer_normalization, nullptr, {"layer-norm"}},
    {"Attention", read_attention, nullptr, {"matmul", "softmax"}},
    // pools and reductions
    {"MaxPool", read_max_pool, nullptr, {"max-pool"}},
    {"AveragePool", read_average_pool, nullptr, {"average-pool"}},
    {"GlobalAveragePool", read_global_average_pool, nullptr, {"reduce-mean"}},
    {"GlobalMaxPool", read_global_max_pool, nullptr, {"max-pool"}},
    {"ReduceMean", read_reduce_mean, fold_reduction, {"reduce-mean"}},
    {"ReduceSum", read_reduce_sum, fold_reduction, {"reduce-sum"}},
    {"ReduceMax", read_reduce_max, fold_reduction, {"max-pool"}},
    {"ReduceMin", nullptr, fold_reduction},
    {"ReduceProd", nullptr, fold_reduction},
    // arithmetic
    {"Add", read_add, fold_binary, {"add", "affine"}},
    {"Sub", read_sub, fold_binary, {"sub", "affine"}},
    {"Mul", read_mul, fold_binary, {"mul", "affine"}},
    {"Div", read_div, fold_binary, {"div", "affine"}},
    {"Pow", read_pow, fold_binary, {"mul"}},
    {"Sum", read_sum, fold_binary, {"add"}},
    {"Neg", read_neg, fold_unary, {"affine"}},
    {"Min", read_min_max, fold_binary, {"clip"}},
    {"Max", read_min_max, fold_binary, {"clip"}},
    {"Mod", nullptr, fold_binary},
    {"Equal", nullptr, fold_binary},
    {"Less", nullptr, fold_binary},
    {"LessOrEqual", nullptr, fold_binary},
    {"Greater", nullptr, fold_binary},
    {"GreaterOrEqual", nullptr, fold_binary},
    {"And", nullptr, fold_binary},
    {"Or", nullptr, fold_binary},
    {"Not", nullptr, fold_unary},
    {"Sqrt", nullptr, fold_unary},
    {"Reciprocal", nullptr, fold_unary},
    {"Exp", nullptr, fold_unary},
    {"Log", nullptr, fold_unary},
    {"Erf", nullptr, fold_unary},
    {"Abs", nullptr, fold_unary},
    {"Sign", nullptr, fold_unary},
    {"Floor", nullptr, fold_unary},
    {"Ceil", nullptr, fold_unary},
    {"Round", nullptr, fold_unary},
    {"Where", nullptr, fold_where},
    {"Range", nullptr, fold_range},
    // activations that are more than a row
    {"Clip", read_clip, fold_clip, {"clip"}},
    {"Gelu", read_gelu, nullptr, {"gelu"}},
    {"Swish", read_swish},
    {"Selu", read_selu, nullptr, {"elu"}},
    {"Celu", read_celu, nullptr, {"elu"}},
    {"Mish", read_mish},
    {"Softmax", read_softmax, nullptr, {"softmax"}},
    // nothing when a network is evaluated
    {"Identity", read_identity, fold_identity},
    {"Dropout", read_dropout, fold_identity},
    {"Cast", read_cast, fold_cast},
    {"CastLike", read_cast, fold_cast},
    // shapes
    {"Flatten", read_flatten, fold_flatten, {"flatten"}},
    {"Reshape", read_reshape, fold_reshape, {"reshape"}},
    {"Squeeze", read_squeeze, fold_squeeze, {"reshape"}},
    {"Unsqueeze", read_unsqueeze, fold_unsqueeze, {"reshape"}},
    {"Transpose", read_transpose, fold_transpose, {"transpose"}},
    {"Expand", read_expand, fold_expand},
    {"Concat", read_concat, fold_concat, {"concat"}},
    {"Split", read_split, fold_split, {"slice"}},
    {"SplitToSequence", read_split_to_sequence, read_split_to_sequence, {"slice"}},
    {"Slice", read_slice, fold_slice, {"slice"}},
    {"Gather", read_gather, fold_gather, {"slice"}},
    {"Pad", read_pad, nullptr, {"pad"}},
    {"Shape", read_shape, fold_shape},
    {"Size", read_size, fold_size},
    {"Constant", nullptr, fold_constant},
    {"ConstantOfShape", nullptr, fold_constant_of_shape},
};

void read_simple_operator(Step& step) {
  read_simple(step, *find_simple_operator(step.node().op_type()));
}

[[noreturn]] void fail_unsupported(const Step& step) {
  std::vector<std::string_view> names;
  for (const OtherOperator& row : kOtherOperators) {
    if (row.read != nullptr) {
      names.push_back(row.onnx);
    }
  }
  for (const SimpleOperator& row : simple_operators()) {
    names.push_back(row.onnx);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string& domain = step.node().domain();
  fail_input("the operator {}{} is not supported; supported are {}", clean_name(step.node().op_type()),
             domain.empty() ? "" : " of " + clean_name(domain), fmt::join(names, ", "));
}

}  // namespace

const std::vector<SimpleOperator>& simple_operators() {
  static const std::vector<SimpleOperator> kOperators{
      {"Relu", "relu", 1},
      {"Tanh", "tanh", 1},
      {"Sigmoid", "sigmoid", 1},
      {"Softplus", "softplus", 1},
      {"LeakyRelu", "leaky-relu", 6, {{"alpha", 0.01, "slope", 0.01}}},
      {"Elu", "elu", 6, {{"alpha", 1, "alpha", 1}}},
      {"HardSigmoid", "hard-sigmoid", 6, {{"alpha", 0.2, "slope", 1.0 / 6}, {"beta", 0.5, "offset", 0.5}}},
      {"Swish", "silu", 24, {}, "sigmoid"},
      {"HardSwish", "hard-swish", 14, {}, "hard-sigmoid"},
  };
  return kOperators;
}

std::vector<std::string_view> operators_read_as(std::string_view type) {
  std::vector<std::string_view> names;
  for (const OtherOperator& row : kOtherOperators) {
    if (std::ranges::find(row.types, type) != row.types.end()) {
      names.push_back(row.onnx);
    }
  }
  for (const SimpleOperator& row : simple_operators()) {
    if (row.type == type) {
      names.push_back(row.onnx);
    }
  }
  return names;
}

const SimpleOperator* find_simple_operator(std::string_view onnx) {
  const auto found = std::ranges::find(simple_operators(), onnx, &SimpleOperator::onnx);
  return found == simple_operators().end() ? nullptr : &*found;
}

const SimpleOperator* find_simple_operator_by_type(std::string_view type) {
  const auto found = std::ranges::find(simple_operators(), type, &SimpleOperator::type);
  return found == simple_operators().end() ? nullptr : &*found;
}

Translate find_operator(const Step& step, bool constant) {
  const ::onnx::NodeProto& node = step.node();
  const auto other = std::ranges::find(kOtherOperators, node.op_type(), &OtherOperator::onnx);
  const bool is_other = other != kOtherOperators.end();
  const bool is_simple = find_simple_operator(node.op_type()) != nullptr;
  if ((!node.domain().empty() && node.domain() != "ai.onnx") || (!is_other && !is_simple)) {
    fail_unsupported(step);
  }
  if (constant) {
    if (is_other && other->fold != nullptr) {
      return other->fold;
    }
    fail_input("all its inputs are constants, for which the operator is not supported");
  }
  if (is_other && other->read != nullptr) {
    return other->read;
  }
  if (is_simple) {
    return read_simple_operator;
  }
  fail_input("the operator is supported for constants only, but its input depends on the network's");
}

}  // namespace ntt::onnx_import
