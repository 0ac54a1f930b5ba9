#include "tests/support/operators.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "tests/support/references.h"

namespace ntt::oracle {
namespace {

using List = std::vector<std::int64_t>;

Attributes conv(std::int64_t out, List kernel, Attributes others = {}) {
  others.insert({{"out_channels", out}, {"kernel", std::move(kernel)}});
  return others;
}

const Shape kImages{2, 5, 4};
const std::vector<OperatorCase> kShapes{{"features", {}, {{7}}}, {"images", {}, {{2, 3, 2}}}};
const std::vector<OperatorCase> kPairs{{"alike", {}, {{3, 4}, {3, 4}}},
                                       {"scalar_last", {}, {{3, 4}, {1}}},
                                       {"scalar_first", {}, {{1}, {3, 4}}},
                                       {"feature_last", {}, {{3, 4}, {4}}},
                                       {"channel_last", {}, {{3, 2, 4}, {3, 1, 1}}},
                                       {"both_ways", {}, {{3, 1, 2}, {4, 1}}},
                                       {"fewer_axes_first", {}, {{4}, {2, 3, 4}}}};

std::vector<OperatorRow> make_rows() {
  return {
      {"linear",
       linear,
       {{"features", {{"out_features", 4}}, {{5}}},
        {"one", {{"out_features", 1}}, {{1}}},
        {"no_bias", {{"out_features", 4}, {"bias", false}}, {{5}}},
        {"tokens", {{"out_features", 4}}, {{3, 5}}},
        {"tokens_no_bias", {{"out_features", 2}, {"in_features", 5}, {"bias", false}}, {{3, 5}}},
        {"more_axes", {{"out_features", 3}}, {{2, 1, 3, 2}}}}},
      {"conv2d",
       convolution,
       {{"plain", conv(3, {3, 3}), {kImages}},
        {"strided_padded", conv(3, {2, 2}, {{"stride", 2}, {"padding", 1}}), {kImages}},
        {"pointwise", conv(2, {1, 1}), {{3, 2, 4}}},
        {"one_position", conv(4, {3, 3}), {{2, 3, 3}}},
        {"no_bias", conv(3, {2, 3}, {{"in_channels", 2}, {"bias", false}}), {kImages}},
        {"uneven", conv(3, {3, 2}, {{"stride", List{2, 1}}, {"padding", List{2, 0, 1, 3}}}), {kImages}},
        {"dilated", conv(3, {2, 3}, {{"dilation", List{3, 1}}, {"padding", List{1, 0}}}), {kImages}},
        {"groups", conv(6, {2, 3}, {{"groups", 2}, {"padding", 1}}), {{4, 4, 3}}},
        {"groups_no_bias", conv(4, {1, 1}, {{"groups", 2}, {"bias", false}}), {{6, 2, 3}}},
        {"depthwise", conv(3, {3, 3}, {{"groups", 3}, {"padding", 1}}), {{3, 5, 4}}},
        {"depthwise_twice",
         conv(6, {2, 3}, {{"groups", 3}, {"stride", 2}, {"padding", List{0, 1, 1, 0}}}),
         {{3, 5, 4}}},
        {"depthwise_dilated", conv(3, {3, 2}, {{"groups", 3}, {"dilation", 2}, {"bias", false}}), {{3, 6, 5}}}}},
      {"conv1d",
       convolution,
       {{"plain", conv(3, {3}, {{"in_channels", 2}}), {{2, 7}}},
        {"strided_uneven", conv(4, {2}, {{"stride", 2}, {"padding", List{0, 1}}}), {{2, 6}}},
        {"dilated_groups", conv(4, {3}, {{"dilation", 2}, {"groups", 2}, {"padding", 2}}), {{2, 6}}},
        {"depthwise", conv(3, {3}, {{"groups", 3}, {"padding", 1}, {"bias", false}}), {{3, 5}}}}},
      {"batch-norm",
       batch_norm,
       {{"features", {}, {{4}}},
        {"sequences", {{"epsilon", 0.1}}, {{3, 5}}},
        {"images", {{"epsilon", 1e-3}, {"momentum", 0.2}}, {{3, 2, 4}}}}},
      {"layer-norm",
       layer_norm,
       {{"features", {}, {{6}}},
        {"tokens", {{"epsilon", 0.1}}, {{3, 5}}},
        {"two_axes", {{"axes", 2}}, {{2, 3, 4}}},
        {"all_axes", {{"axes", 3}, {"epsilon", 1e-3}}, {{2, 3, 2}}}}},
      {"parameter",
       parameter,
       {{"shift", {{"shape", List{2, 3}}, {"role", "shift"}}, {}},
        {"scale", {{"shape", List{4}}, {"role", "scale"}}, {}},
        {"weight", {{"shape", List{2, 3}}, {"role", "weight"}}, {}},
        {"constant", {{"shape", List{1, 3}}, {"role", "constant"}}, {}}}},
      {"relu", [](const Call& c) { return at::relu(c.inputs[0]); }, kShapes},
      {"leaky-relu", leaky_relu, {{"plain", {}, {{7}}}, {"steep", {{"slope", 0.3}}, {{2, 3}}}}},
      {"clip",
       clip,
       {{"both", {{"min", -0.5}, {"max", 0.7}}, {{9}}},
        {"relu6", {{"min", 0}, {"max", 6}}, {{7}}},
        {"below", {{"min", -0.5}}, {{2, 4}}},
        {"above", {{"max", 0.25}}, {{7}}},
        {"neither", {}, {{3}}}}},
      {"sigmoid", [](const Call& c) { return at::sigmoid(c.inputs[0]); }, kShapes},
      {"silu", [](const Call& c) { return at::silu(c.inputs[0]); }, kShapes},
      {"hard-sigmoid", hard_sigmoid, {{"plain", {}, {{7}}}, {"narrow", {{"slope", 0.6}, {"offset", 0.3}}, {{3, 4}}}}},
      {"hard-swish",
       [](const Call& c) { return c.inputs[0] * at::clamp(c.inputs[0] / 6 + 0.5, 0, 1); },
       {{"plain", {}, {{7}}}, {"rows", {}, {{40, 3}}}}},
      {"tanh", [](const Call& c) { return at::tanh(c.inputs[0]); }, kShapes},
      {"gelu",
       gelu,
       {{"exact", {}, {{7}}},
        {"none", {{"approximation", "none"}}, {{2, 3, 2}}},
        {"tanh", {{"approximation", "tanh"}}, {{7}}}}},
      {"elu", elu, {{"plain", {}, {{7}}}, {"smaller", {{"alpha", 0.4}}, {{2, 3}}}}},
      {"softplus", [](const Call& c) { return at::softplus(c.inputs[0], 1, 100); }, kShapes},
      {"affine", affine, {{"both", {{"factor", -0.5}, {"offset", 2}}, {{7}}}, {"neither", {}, {{2, 3}}}}},
      {"add", add, kPairs},
      {"sub", subtract, kPairs},
      {"mul", multiply, kPairs},
      {"div", divide, kPairs, 0.7},
      {"matmul",
       matmul,
       {{"matrices", {}, {{3, 4}, {4, 2}}},
        {"heads", {}, {{2, 3, 4}, {2, 4, 5}}},
        {"rows_of_one", {}, {{1, 4}, {4, 1}}},
        {"first_broadcast", {}, {{3, 4}, {2, 4, 2}}},
        {"last_broadcast", {}, {{2, 3, 4}, {4, 2}}},
        {"both_ways", {}, {{3, 1, 2, 4}, {2, 4, 3}}}}},
      {"softmax",
       softmax,
       {{"features", {}, {{5}}},
        {"last", {}, {{2, 3, 4}}},
        {"first", {{"axis", 0}}, {{3, 4}}},
        {"from_the_end", {{"axis", -2}}, {{2, 3, 4}}}}},
      {"max-pool",
       max_pool,
       {{"plain", {{"kernel", 2}}, {{2, 5, 6}}},
        {"overlapping", {{"kernel", 3}, {"stride", 1}}, {{2, 5, 6}}},
        {"padded", {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, {{2, 6, 5}}},
        {"uneven", {{"kernel", List{3, 2}}, {"stride", List{1, 2}}, {"padding", List{0, 1, 2, 0}}}, {{2, 5, 5}}},
        {"dilated", {{"kernel", 2}, {"stride", 1}, {"dilation", List{2, 3}}}, {{1, 5, 6}}},
        {"ceil", {{"kernel", 2}, {"ceil_mode", true}}, {{2, 5, 5}}},
        {"ceil_begins_outside", {{"kernel", 2}, {"stride", 3}, {"padding", 1}, {"ceil_mode", true}}, {{2, 5, 6}}},
        {"sequences", {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, {{2, 7}}}}},
      {"average-pool",
       average_pool,
       {{"plain", {{"kernel", 2}}, {{2, 5, 6}}},
        {"overlapping", {{"kernel", 3}, {"stride", 2}}, {{2, 6, 7}}},
        {"one_channel", {{"kernel", 2}, {"stride", 3}}, {{1, 6, 7}}},
        {"padded", {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, {{2, 6, 5}}},
        {"padding_not_counted",
         {{"kernel", 3}, {"stride", 2}, {"padding", 1}, {"count_include_pad", false}},
         {{2, 6, 5}}},
        {"ceil", {{"kernel", 3}, {"stride", 2}, {"padding", 1}, {"ceil_mode", true}}, {{2, 6, 5}}},
        {"ceil_padding_not_counted",
         {{"kernel", 2}, {"stride", 3}, {"padding", 1}, {"ceil_mode", true}, {"count_include_pad", false}},
         {{2, 5, 6}}},
        {"uneven", {{"kernel", 3}, {"stride", 1}, {"padding", List{0, 1, 2, 0}}}, {{2, 4, 4}}},
        {"uneven_not_counted",
         {{"kernel", 3}, {"stride", 2}, {"padding", List{0, 1, 2, 0}}, {"count_include_pad", false}},
         {{2, 4, 4}}},
        {"sequences", {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, {{2, 7}}}}},
      {"reduce-mean",
       reduce_mean,
       {{"positions", {{"axes", List{1, 2}}}, {{3, 2, 4}}},
        {"kept", {{"axes", List{1, 2}}, {"keep_axes", true}}, {{3, 2, 4}}},
        {"one_from_the_end", {{"axes", -2}}, {{3, 2, 4}}},
        {"out_of_order", {{"axes", List{-1, 0}}}, {{3, 2, 4}}}}},
      {"reduce-sum",
       reduce_sum,
       {{"tokens", {{"axes", 0}}, {{3, 4}}}, {"kept", {{"axes", List{0, 1}}, {"keep_axes", true}}, {{3, 2, 4}}}}},
      {"flatten", [](const Call& c) { return c.inputs[0].flatten(1); }, kShapes},
      {"reshape",
       reshape,
       {{"plain", {{"shape", List{3, 4}}}, {{2, 3, 2}}}, {"rest", {{"shape", List{2, -1, 1}}}, {{4, 3}}}}},
      {"transpose",
       transpose,
       {{"matrix", {{"axes", List{1, 0}}}, {{3, 4}}},
        {"cycle", {{"axes", List{2, 0, 1}}}, {{2, 3, 4}}},
        {"as_it_is", {{"axes", List{0, 1}}}, {{2, 3}}}}},
      {"concat",
       concat,
       {{"channels", {}, {{2, 3, 2}, {1, 3, 2}}},
        {"last", {{"axis", -1}}, {{2, 3}, {2, 1}, {2, 4}}},
        {"alone", {}, {{4}}}}},
      {"slice",
       slice,
       {{"front", {{"end", 2}}, {{5, 2}}},
        {"steps", {{"axis", 1}, {"start", 1}, {"step", 2}}, {{2, 6}}},
        {"from_the_end", {{"axis", -1}, {"start", -3}, {"end", -1}}, {{2, 5}}},
        {"beyond", {{"start", -9}, {"end", 99}}, {{3, 2}}}}},
      {"pad",
       pad,
       {{"all_around", {{"padding", 1}}, {{2, 3}}},
        {"uneven", {{"padding", List{0, 1, 2, 0}}, {"value", -1.5}}, {{2, 3}}}}},
  };
}

}  // namespace

const std::vector<OperatorRow>& operator_rows() {
  static const std::vector<OperatorRow> rows = make_rows();
  return rows;
}

const OperatorRow& operator_row(std::string_view type) {
  for (const OperatorRow& row : operator_rows()) {
    if (row.type == type) {
      return row;
    }
  }
  throw std::logic_error("the oracle does not know the type " + std::string(type));
}

at::Tensor draw_role(Role role, const Shape& shape, RandomStream& stream, at::ScalarType dtype) {
  const at::Tensor normal = random_normal(stream, shape, 1.0, dtype);
  switch (role) {
    case Role::scale:
      return 1 + 0.3 * normal;
    case Role::shift:
      return 0.5 * normal;
    case Role::mean:
      return 0.3 * normal;
    case Role::variance:
      return 0.5 + normal.abs();
    default:
      return normal;
  }
}

}  // namespace ntt::oracle
