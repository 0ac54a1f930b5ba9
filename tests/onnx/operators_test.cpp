// What importers get wrong about single operators: old and new ways to say the same, defaults, corners of shapes.

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using Integers = std::vector<std::int64_t>;

class OnnxOperatorTest : public OnnxTest {};

TEST_F(OnnxOperatorTest, ClipHasItsBoundsAsAttributesOrAsInputs) {
  const at::Tensor x = normal({3, 8}) * 3;
  expect_near(run(ModelBuilder({8}, 10).node("Clip", {"x"}, {"y"}, {{"min", -0.5}, {"max", 1.5}}), x),
              x.clamp(-0.5, 1.5));
  ModelBuilder newer({8}, 11);
  newer.number("low", -0.5).number("high", 1.5).node("Clip", {"x", "low", "high"}, {"y"});
  expect_near(run(newer, x), x.clamp(-0.5, 1.5));
  ModelBuilder upper({8}, 13);
  upper.number("high", 0.25).node("Clip", {"x", "", "high"}, {"y"});
  expect_near(run(upper, x), x.clamp_max(0.25));
  const OnnxModel none = read_back(ModelBuilder({8}, 13).node("Clip", {"x"}, {"z"}).node("Relu", {"z"}, {"y"}));
  EXPECT_THAT(types_of(none.graph), ElementsAre("relu"));
}

TEST_F(OnnxOperatorTest, SoftmaxFlattensBeforeOpset13) {
  const at::Tensor x = normal({2, 3, 4});
  const auto softmax = [&](std::int64_t opset, const OnnxAttributes& attributes) {
    return run(ModelBuilder({3, 4}, opset).node("Softmax", {"x"}, {"y"}, attributes), x);
  };
  expect_near(softmax(11, {}), x.flatten(1).softmax(1).view({2, 3, 4}));
  expect_near(softmax(11, {{"axis", std::int64_t{2}}}), x.softmax(2));
  expect_near(softmax(13, {}), x.softmax(2));
  expect_near(softmax(13, {{"axis", std::int64_t{1}}}), x.softmax(1));
  expect_near(softmax(13, {{"axis", std::int64_t{-2}}}), x.softmax(1));
}

TEST_F(OnnxOperatorTest, AxesAreAttributesOrInputsAndMayBeNegative) {
  const at::Tensor x = normal({2, 3, 4, 5});
  const Integers axes{-1, 2};
  for (const std::int64_t keep : {0, 1}) {
    ModelBuilder older({3, 4, 5}, 13);
    older.node("ReduceMean", {"x"}, {"y"}, {{"axes", axes}, {"keepdims", keep}});
    ModelBuilder newer({3, 4, 5}, 18);
    newer.integers("axes", axes).node("ReduceMean", {"x", "axes"}, {"y"}, {{"keepdims", keep}});
    expect_near(run(older, x), x.mean({2, 3}, keep != 0));
    expect_near(run(newer, x), x.mean({2, 3}, keep != 0));
  }
  ModelBuilder sum({3, 4, 5}, 13);
  sum.integers("axes", {1}).node("ReduceSum", {"x", "axes"}, {"y"}, {{"keepdims", std::int64_t{0}}});
  expect_near(run(sum, x), x.sum(1));
  ModelBuilder squeeze({3, 1, 5}, 12);
  squeeze.node("Squeeze", {"x"}, {"y"}, {{"axes", Integers{-2}}});
  expect_near(run(squeeze, x.slice(2, 0, 1)), x.select(2, 0));
  ModelBuilder unsqueeze({3, 4, 5}, 13);
  unsqueeze.integers("axes", {-1, 1}).node("Unsqueeze", {"x", "axes"}, {"y"});
  expect_near(run(unsqueeze, x), x.unsqueeze(1).unsqueeze(-1));
}

TEST_F(OnnxOperatorTest, AxesThatAreLeftOutMeanAllOrNone) {
  EXPECT_THAT(refusal(ModelBuilder({4}, 13).node("ReduceMean", {"x"}, {"y"})), HasSubstr("mix the inputs of a batch"));
  ModelBuilder nothing({4}, 18);
  nothing.node("ReduceMean", {"x"}, {"z"}, {{"noop_with_empty_axes", std::int64_t{1}}}).node("Relu", {"z"}, {"y"});
  EXPECT_THAT(types_of(read_back(nothing).graph), ElementsAre("relu"));
}

TEST_F(OnnxOperatorTest, SplitHasItsSizesInThreeWays) {
  const at::Tensor x = normal({2, 7, 3});
  const auto joined = [&](ModelBuilder builder, int parts) {
    return run(builder.node("Concat",
                            parts == 2 ? std::vector<std::string>{"b", "a"} : std::vector<std::string>{"c", "a", "b"},
                            {"y"}, {{"axis", std::int64_t{1}}}),
               x);
  };
  ModelBuilder older({7, 3}, 11);
  older.node("Split", {"x"}, {"a", "b"}, {{"axis", std::int64_t{1}}, {"split", Integers{2, 5}}});
  expect_near(joined(older, 2), at::cat({x.slice(1, 2), x.slice(1, 0, 2)}, 1));
  ModelBuilder newer({7, 3}, 13);
  newer.integers("sizes", {2, 5}).node("Split", {"x", "sizes"}, {"a", "b"}, {{"axis", std::int64_t{-2}}});
  expect_near(joined(newer, 2), at::cat({x.slice(1, 2), x.slice(1, 0, 2)}, 1));
  ModelBuilder counted({7, 3}, 18);
  counted.node("Split", {"x"}, {"a", "b", "c"}, {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{3}}});
  expect_near(joined(counted, 3), at::cat({x.slice(1, 6), x.slice(1, 0, 6)}, 1));
  ModelBuilder wrong({7, 3}, 13);
  wrong.integers("sizes", {2, 6}).node("Split", {"x", "sizes"}, {"y", "b"}, {{"axis", std::int64_t{1}}});
  EXPECT_THAT(refusal(wrong), HasSubstr("2, 6 do not fit an axis of 7"));
}

TEST_F(OnnxOperatorTest, PartsOfASequenceAreSlices) {
  const at::Tensor x = normal({2, 7, 3});
  const auto part = [&](const at::Tensor& sizes, std::int64_t index) {
    ModelBuilder builder({7, 3}, 18);
    builder.value("sizes", sizes).value("index", at::scalar_tensor(index, at::kLong));
    builder.node("SplitToSequence", {"x", "sizes"}, {"parts"}, {{"axis", std::int64_t{1}}});
    return builder.node("SequenceAt", {"parts", "index"}, {"y"});
  };
  const at::Tensor listed = at::tensor({2, 5}, at::kLong);
  const at::Tensor three = at::scalar_tensor(3, at::kLong);
  expect_near(run(part(listed, 1), x), x.slice(1, 2));
  expect_near(run(part(listed, -2), x), x.slice(1, 0, 2));
  expect_near(run(part(three, 1), x), x.slice(1, 3, 6));
  expect_near(run(part(three, -1), x), x.slice(1, 6));
  EXPECT_THAT(types_of(read_back(part(three, 1)).graph), ElementsAre("slice"));
  EXPECT_THAT(refusal(part(three, 3)), HasSubstr("the part 3 of a sequence of 3"));
  EXPECT_THAT(refusal(part(at::tensor({2, 6}, at::kLong), 0)), HasSubstr("2, 6 do not fit an axis of 7"));
  EXPECT_THAT(refusal(part(at::scalar_tensor(0, at::kLong), 0)), HasSubstr("0 do not fit an axis of 7"));
  ModelBuilder ones({7, 3}, 18);
  ones.node("SplitToSequence", {"x"}, {"parts"}, {{"axis", std::int64_t{2}}}).integers("index", {2});
  expect_near(run(ones.node("SequenceAt", {"parts", "index"}, {"y"}), x), x.slice(2, 2));
  ModelBuilder weights({2}, 18);
  weights.value("w", normal({5, 4})).value("sizes", at::scalar_tensor(2, at::kLong)).integers("index", {0});
  weights.node("SplitToSequence", {"w", "sizes"}, {"parts"}).node("SequenceAt", {"parts", "index"}, {"v"});
  expect_near(run(weights.node("MatMul", {"x", "v"}, {"y"}), normal({3, 2})),
              normal({3, 2}).mm(normal({5, 4}).slice(0, 0, 2)));
  ModelBuilder whole({7, 3}, 18);
  whole.node("SplitToSequence", {"x"}, {"parts"}).node("ConcatFromSequence", {"parts"}, {"y"});
  EXPECT_THAT(refusal(whole), HasSubstr("SequenceAt takes one part"));
}

TEST_F(OnnxOperatorTest, SliceCountsFromTheEndAndStopsThere) {
  const at::Tensor x = normal({2, 9, 4});
  ModelBuilder older({9, 4}, 9);
  older.node("Slice", {"x"}, {"y"},
             {{"starts", Integers{-7, 1}}, {"ends", Integers{-1, 1000}}, {"axes", Integers{1, 2}}});
  expect_near(run(older, x), x.slice(1, 2, 8).slice(2, 1));
  ModelBuilder newer({9, 4}, 13);
  newer.integers("starts", {1}).integers("ends", {std::numeric_limits<std::int64_t>::max()});
  newer.integers("axes", {-2}).integers("steps", {3}).node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
  expect_near(run(newer, x), x.slice(1, 1, 9, 3));
  ModelBuilder whole({9, 4}, 10);
  whole.integers("starts", {0, 2}).integers("ends", {std::numeric_limits<std::int64_t>::max(), 5});
  whole.node("Slice", {"x", "starts", "ends"}, {"y"});
  expect_near(run(whole, x), x.slice(1, 2, 5));
  ModelBuilder backward({9, 4}, 13);
  backward.integers("starts", {8}).integers("ends", {0}).integers("axes", {1}).integers("steps", {-1});
  backward.node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
  EXPECT_THAT(refusal(backward), HasSubstr("forward"));
}

TEST_F(OnnxOperatorTest, GatherTakesOneIndexSomeOrARun) {
  const at::Tensor x = normal({2, 5, 4});
  ModelBuilder one({5, 4});
  one.value("index", at::scalar_tensor(-2, at::kLong))
      .node("Gather", {"x", "index"}, {"y"}, {{"axis", std::int64_t{1}}});
  expect_near(run(one, x), x.select(1, 3));
  ModelBuilder some({5, 4});
  some.integers("indices", {4, 0, 1, 2}).node("Gather", {"x", "indices"}, {"y"}, {{"axis", std::int64_t{1}}});
  expect_near(run(some, x), x.index_select(1, at::tensor({4, 0, 1, 2}, at::kLong)));
  ModelBuilder outside({5, 4});
  outside.integers("indices", {5}).node("Gather", {"x", "indices"}, {"y"}, {{"axis", std::int64_t{1}}});
  refusal(outside);
}

TEST_F(OnnxOperatorTest, ReshapeKnowsZeroAndMinusOne) {
  const at::Tensor x = normal({2, 6, 4});
  const auto reshaped = [&](const Integers& shape, const OnnxAttributes& attributes = {}) {
    return ModelBuilder({6, 4}, 14).integers("shape", shape).node("Reshape", {"x", "shape"}, {"y"}, attributes);
  };
  expect_near(run(reshaped({0, 3, -1}), x), x.reshape({2, 3, 8}));
  expect_near(run(reshaped({-1, 24}), x), x.reshape({2, 24}));
  expect_near(run(reshaped({0, 0, 2, 2}), x), x.reshape({2, 6, 2, 2}));
  expect_near(run(reshaped({0, -1}), x), x.reshape({2, 24}));
  EXPECT_THAT(refusal(reshaped({12, -1})), HasSubstr("mix the inputs of a batch"));
  EXPECT_THAT(refusal(reshaped({0, 5, -1})), HasSubstr("does not fit"));
  EXPECT_THAT(refusal(reshaped({-1, -1})), HasSubstr("Reshape, opset 14"));
  EXPECT_THAT(refusal(reshaped({0, 0, 4}, {{"allowzero", std::int64_t{1}}})), HasSubstr("no shape"));
}

TEST_F(OnnxOperatorTest, GemmHasFactorsAndTransposes) {
  const at::Tensor x = normal({3, 4});
  const at::Tensor weight = normal({4, 5}, 2);
  const at::Tensor bias = normal({5}, 3);
  ModelBuilder plain({4});
  plain.value("w", weight).value("b", bias).node("Gemm", {"x", "w", "b"}, {"y"}, {{"alpha", 0.5}, {"beta", 2.0}});
  expect_near(run(plain, x), 0.5 * x.mm(weight) + 2 * bias);
  ModelBuilder transposed({4});
  transposed.value("w", weight.t())
      .value("b", bias.unsqueeze(0))
      .node("Gemm", {"x", "w", "b"}, {"y"}, {{"transB", std::int64_t{1}}});
  expect_near(run(transposed, x), x.mm(weight) + bias);
  ModelBuilder turned({4});
  turned.node("Transpose", {"x"}, {"z"}, {{"perm", Integers{1, 0}}});
  turned.value("w", weight).number("b", 0.5).node("Gemm", {"z", "w", "b"}, {"y"}, {{"transA", std::int64_t{1}}});
  expect_near(run(turned, x), x.mm(weight) + 0.5);
  ModelBuilder mixing({4});
  mixing.value("w", weight.t()).node("Gemm", {"x", "w"}, {"y"}, {{"transA", std::int64_t{1}}});
  EXPECT_THAT(refusal(mixing), HasSubstr("must be [batch, features]"));
  ModelBuilder without({4});
  const OnnxModel model = read_back(without.value("w", weight).node("Gemm", {"x", "w"}, {"y"}));
  EXPECT_THAT(model.graph.parameters, testing::SizeIs(1));
}

TEST_F(OnnxOperatorTest, MatMulTakesItsConstantOnEitherSide) {
  const at::Tensor x = normal({3, 4, 6});
  const at::Tensor right = normal({6, 5}, 2);
  const at::Tensor left = normal({7, 4}, 3);
  const OnnxModel linear = read_back(ModelBuilder({4, 6}).value("w", right).node("MatMul", {"x", "w"}, {"y"}));
  EXPECT_THAT(types_of(linear.graph), ElementsAre("linear"));
  EXPECT_EQ(linear.graph.parameters.front().name, "w");
  expect_near(linear.values.at("w"), right.t());
  expect_near(run(ModelBuilder({4, 6}).value("w", right).node("MatMul", {"x", "w"}, {"y"}), x), x.matmul(right));
  expect_near(run(ModelBuilder({4, 6}).value("w", left).node("MatMul", {"w", "x"}, {"y"}), x), left.matmul(x));
  const at::Tensor vector = normal({6}, 4);
  expect_near(run(ModelBuilder({4, 6}).value("w", vector).node("MatMul", {"x", "w"}, {"y"}), x), x.matmul(vector));
  const at::Tensor stack = normal({4, 6, 2}, 5);
  ModelBuilder stacked({4, 3, 6});
  const at::Tensor many = normal({2, 4, 3, 6});
  expect_near(run(stacked.value("w", stack).node("MatMul", {"x", "w"}, {"y"}), many), many.matmul(stack));
  EXPECT_THAT(refusal(ModelBuilder({6}).value("w", normal({7, 3})).node("MatMul", {"w", "x"}, {"y"})),
              HasSubstr("left input is a constant"));
}

TEST_F(OnnxOperatorTest, MatMulOfTwoActivationsKeepsTheInputsApart) {
  const at::Tensor x = normal({2, 3, 4});
  ModelBuilder builder({3, 4});
  builder.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{0, 2, 1}}}).node("MatMul", {"x", "t"}, {"y"});
  expect_near(run(builder, x), x.matmul(x.transpose(1, 2)));
  ModelBuilder mixing({4});
  mixing.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{1, 0}}}).node("MatMul", {"x", "t"}, {"y"});
  EXPECT_THAT(refusal(mixing), HasSubstr("mix the inputs of a batch"));
}

TEST_F(OnnxOperatorTest, AttentionIsProductsAndASoftmax) {
  const at::Tensor x = normal({2, 3, 5, 4});
  const at::Tensor scores = (x.matmul(x.transpose(2, 3)) / 2).softmax(3);
  expect_near(run(ModelBuilder({3, 5, 4}, 23).node("Attention", {"x", "x", "x"}, {"y"}), x), scores.matmul(x));
  const OnnxAttributes heads{{"q_num_heads", std::int64_t{3}}, {"kv_num_heads", std::int64_t{3}}, {"scale", 0.5}};
  const ModelBuilder flat = ModelBuilder({5, 12}, 24).node("Attention", {"x", "x", "x"}, {"y"}, heads);
  expect_near(run(flat, x.transpose(1, 2).flatten(2)), scores.matmul(x).transpose(1, 2).flatten(2));
  ModelBuilder masked({3, 5, 4}, 23);
  masked.value("mask", normal({5, 5})).node("Attention", {"x", "x", "x", "mask"}, {"y"});
  EXPECT_THAT(refusal(masked), HasSubstr("masks"));
}

TEST_F(OnnxOperatorTest, ABiasJoinsTheLayerBeforeIt) {
  ModelBuilder builder({4});
  builder.value("w", normal({4, 3})).value("b", normal({3})).node("MatMul", {"x", "w"}, {"z"});
  builder.node("Add", {"b", "z"}, {"y"});
  const OnnxModel model = read_back(builder);
  EXPECT_THAT(types_of(model.graph), ElementsAre("linear"));
  EXPECT_EQ(model.graph.nodes.front().name, "n1");
  EXPECT_EQ(model.graph.parameters[1].name, "b");
  EXPECT_EQ(model.graph.parameters[1].role, Role::bias);
  builder.node("Mul", {"y", "z"}, {"u"}).output("u");  // a second reader needs what is before the bias
  EXPECT_THAT(types_of(read_back(builder).graph), ElementsAre("linear", "parameter", "add", "mul"));
}

TEST_F(OnnxOperatorTest, LayerNormalizationNamesItsFirstAxis) {
  const at::Tensor x = normal({2, 3, 4});
  const at::Tensor scale = normal({3, 4}, 2);
  ModelBuilder builder({3, 4}, 17);
  builder.value("s", scale)
      .node("LayerNormalization", {"x", "s"}, {"y"}, {{"axis", std::int64_t{1}}, {"epsilon", 0.1}});
  expect_near(run(builder, x), at::layer_norm(x, {3, 4}, scale, {}, 0.1));
  ModelBuilder batch({4}, 17);
  batch.value("s", scale).node("LayerNormalization", {"x", "s"}, {"y"}, {{"axis", std::int64_t{0}}});
  EXPECT_THAT(refusal(batch), HasSubstr("over the batch"));
}

TEST_F(OnnxOperatorTest, DropoutWithAMaskIsNothingAndTheMaskIsRefused) {
  const at::Tensor x = normal({2, 4});
  const ModelBuilder used = ModelBuilder({4}).node("Dropout", {"x"}, {"z", "mask"}).node("Relu", {"z"}, {"y"});
  EXPECT_THAT(types_of(read_back(used).graph), ElementsAre("relu"));
  EXPECT_THAT(refusal(ModelBuilder({4}).node("Dropout", {"x"}, {"z", "y"})), HasSubstr("'y' is not supported"));
  ModelBuilder training({4});
  training.number("ratio", 0.5).value("mode", at::ones({}, at::kBool));
  EXPECT_THAT(refusal(training.node("Dropout", {"x", "ratio", "mode"}, {"y"})), HasSubstr("training mode"));
}

TEST_F(OnnxOperatorTest, BatchNormalizationMustNotBeInTrainingMode) {
  const auto builder = [](std::int64_t opset, const OnnxAttributes& attributes, std::vector<std::string> outputs) {
    ModelBuilder made({3, 4}, opset);
    for (const char* name : {"scale", "shift", "mean", "variance"}) {
      made.value(name, normal({3}, 5).abs());
    }
    return made.node("BatchNormalization", {"x", "scale", "shift", "mean", "variance"}, outputs, attributes);
  };
  const OnnxModel model = read_back(builder(13, {{"epsilon", 1e-3}, {"momentum", 0.99}}, {"y"}));
  const Node& node = model.graph.nodes.front();
  EXPECT_DOUBLE_EQ(std::get<double>(node.attributes.at("epsilon")), 1e-3);
  EXPECT_DOUBLE_EQ(std::get<double>(node.attributes.at("momentum")), 0.01);
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : model.graph.parameters) {
    names.push_back(parameter.name);
  }
  EXPECT_THAT(names, ElementsAre("scale", "shift", "mean", "variance"));
  const at::Tensor x = normal({2, 3, 4});
  const at::Tensor s = normal({3}, 5).abs();
  expect_near(run(builder(9, {}, {"y"}), x), at::batch_norm(x, s, s, s, s, false, 0.1, 1e-5, false));
  EXPECT_THAT(refusal(builder(15, {{"training_mode", std::int64_t{1}}}, {"y"})), HasSubstr("training mode"));
  ModelBuilder older = builder(13, {}, {"z", "m"});
  EXPECT_THAT(refusal(older.node("Relu", {"z"}, {"y"}).node("Relu", {"m"}, {"u"})), HasSubstr("training mode"));
}

TEST_F(OnnxOperatorTest, BatchNormalizationOfTokens) {
  const at::Tensor x = normal({2, 3, 4});
  const at::Tensor s = normal({4}, 5).abs() + 0.1;
  ModelBuilder builder({3, 4});
  builder.value("s", s).integers("rows", {-1, 4}).node("Reshape", {"x", "rows"}, {"a"});
  builder.node("BatchNormalization", {"a", "s", "s", "s", "s"}, {"b"}).integers("tokens", {-1, 3, 4});
  const at::Tensor expected = at::batch_norm(x.view({6, 4}), s, s, s, s, false, 0.1, 1e-5, false).view({2, 3, 4});
  expect_near(run(builder.node("Reshape", {"b", "tokens"}, {"y"}), x), expected);
}

TEST_F(OnnxOperatorTest, BatchNormalizationIsNoPartOfAnyConvolution) {
  const at::Tensor x = normal({2, 3, 5, 5});
  const at::Tensor s = normal({6}, 5).abs() + 0.1;
  const at::Tensor weight = normal({4, 6, 3, 3}, 6);
  ModelBuilder builder({3, 5, 5});
  builder.value("s", s).value("w", weight).node("Concat", {"x", "x"}, {"c"}, {{"axis", std::int64_t{1}}});
  builder.node("BatchNormalization", {"c", "s", "s", "s", "s"}, {"b"}).node("Conv", {"b", "w"}, {"y"});
  EXPECT_THAT(types_of(read_back(builder).graph), ElementsAre("concat", "batch-norm", "conv2d"));
  const at::Tensor normalised = at::batch_norm(at::cat({x, x}, 1), s, s, s, s, false, 0.1, 1e-5, false);
  expect_near(run(builder, x), at::conv2d(normalised, weight));
}

TEST_F(OnnxOperatorTest, ArithmeticWithConstants) {
  const at::Tensor x = normal({2, 3, 4});
  const at::Tensor row = normal({4}, 2).abs() + 0.5;
  const at::Tensor column = normal({1, 3, 1}, 3);
  const auto with = [&](const std::string& operation, std::vector<std::string> inputs) {
    ModelBuilder builder({3, 4});
    return builder.value("row", row).value("column", column).number("two", 2).node(operation, inputs, {"y"});
  };
  expect_near(run(with("Add", {"x", "row"}), x), x + row);
  expect_near(run(with("Mul", {"column", "x"}), x), x * column);
  expect_near(run(with("Sub", {"row", "x"}), x), row - x);
  expect_near(run(with("Sub", {"two", "x"}), x), 2 - x);
  expect_near(run(with("Div", {"x", "row"}), x), x / row);
  expect_near(run(with("Div", {"x", "two"}), x), x / 2);
  expect_near(run(with("Div", {"two", "x"}), x), 2 / x, 1e-4);
  expect_near(run(with("Max", {"x", "two"}), x), x.clamp_min(2));
  expect_near(run(with("Pow", {"x", "two"}), x), x * x);
  EXPECT_THAT(types_of(read_back(with("Mul", {"x", "two"})).graph), ElementsAre("affine"));
  const OnnxModel scale = read_back(with("Mul", {"column", "x"}));
  EXPECT_EQ(scale.graph.parameters.front().role, Role::scale);
  EXPECT_EQ(scale.graph.parameters.front().shape, Shape({3, 1}));
  EXPECT_EQ(read_back(with("Add", {"x", "row"})).graph.parameters.front().role, Role::shift);
  ModelBuilder constant({4});
  constant.node("Constant", {}, {"c"}, {{"value", row}}).node("Add", {"x", "c"}, {"y"});
  EXPECT_EQ(read_back(constant).graph.parameters.front().role, Role::constant);
  ModelBuilder batch({4});
  batch.value("c", normal({3, 4})).node("Add", {"x", "c"}, {"y"});
  EXPECT_THAT(refusal(batch), HasSubstr("along the batch"));
}

TEST_F(OnnxOperatorTest, PadHasItsNumbersAsAttributesOrInputs) {
  const at::Tensor x = normal({2, 3, 4});
  ModelBuilder older({3, 4}, 10);
  older.node("Pad", {"x"}, {"y"}, {{"pads", Integers{0, 0, 1, 0, 0, 2}}, {"value", 0.5}});
  expect_near(run(older, x), at::constant_pad_nd(x, {1, 2}, 0.5));
  ModelBuilder newer({3, 4}, 18);
  newer.integers("pads", {1, 2}).number("value", -1).integers("axes", {-2});
  expect_near(run(newer.node("Pad", {"x", "pads", "value", "axes"}, {"y"}), x),
              at::constant_pad_nd(x, {0, 0, 1, 2}, -1));
  ModelBuilder reflected({3, 4}, 10);
  reflected.node("Pad", {"x"}, {"y"}, {{"pads", Integers(6, 0)}, {"mode", std::string("reflect")}});
  EXPECT_THAT(refusal(reflected), HasSubstr("'constant'"));
  ModelBuilder batch({3, 4}, 10);
  batch.node("Pad", {"x"}, {"y"}, {{"pads", Integers{1, 0, 0, 0, 0, 0}}});
  EXPECT_THAT(refusal(batch), HasSubstr("mix the inputs of a batch"));
}

TEST_F(OnnxOperatorTest, ActivationsHaveOnnxDefaults) {
  const at::Tensor x = normal({3, 8}) * 3;
  const auto of = [&](const std::string& operation, std::int64_t opset, const OnnxAttributes& attributes = {}) {
    return run(ModelBuilder({8}, opset).node(operation, {"x"}, {"y"}, attributes), x);
  };
  expect_near(of("LeakyRelu", 9), at::leaky_relu(x, 0.01));
  expect_near(of("LeakyRelu", 16, {{"alpha", 0.3}}), at::leaky_relu(x, 0.3));
  expect_near(of("Elu", 9, {{"alpha", 0.5}}), at::elu(x, 0.5));
  expect_near(of("HardSigmoid", 9), (0.2 * x + 0.5).clamp(0, 1));
  expect_near(of("HardSigmoid", 14, {{"alpha", 1.0 / 6}}), at::hardsigmoid(x));
  expect_near(of("Softplus", 9), at::softplus(x));
  expect_near(of("Selu", 9), at::selu(x));
  expect_near(of("Celu", 12, {{"alpha", 2.0}}), at::celu(x, 2.0));
  expect_near(of("Mish", 18), at::mish(x));
  expect_near(of("Gelu", 20), at::gelu(x));
  expect_near(of("Gelu", 20, {{"approximate", std::string("tanh")}}), at::gelu(x, "tanh"));
  expect_near(of("Swish", 24), at::silu(x));
  expect_near(of("Swish", 24, {{"alpha", 2.0}}), x * at::sigmoid(2 * x));
  const OnnxModel sixth = read_back(ModelBuilder({8}, 14).node("HardSigmoid", {"x"}, {"y"}, {{"alpha", 1.0 / 6}}));
  EXPECT_TRUE(sixth.graph.nodes.front().attributes.empty());
}

}  // namespace
}  // namespace ntt
