// Whole graphs: shape arithmetic, the batch on other axes, subgraphs that are one operator, names.

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <numbers>

#include "tests/onnx/evaluate.h"
#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using Integers = std::vector<std::int64_t>;

class OnnxGraphTest : public OnnxTest {};

TEST_F(OnnxGraphTest, ArithmeticOnShapesIsFolded) {
  const at::Tensor x = normal({2, 3, 8});
  ModelBuilder builder({3, 8});
  builder.node("Shape", {"x"}, {"shape"})
      .value("zero", at::zeros({}, at::kLong))
      .value("two", at::full({}, 2, at::kLong));
  builder.node("Gather", {"shape", "zero"}, {"batch"}).node("Gather", {"shape", "two"}, {"width"});
  builder.node("Div", {"width", "two"}, {"half"}).integers("axes", {0});
  builder.node("Unsqueeze", {"batch", "axes"}, {"batch1"}).node("Unsqueeze", {"half", "axes"}, {"half1"});
  builder.integers("rest", {3, 2}).node("Concat", {"batch1", "rest", "half1"}, {"target"}, {{"axis", std::int64_t{0}}});
  builder.node("Reshape", {"x", "target"}, {"z"});
  builder.node("Cast", {"half"}, {"float"}, {{"to", std::int64_t{1}}}).node("Sqrt", {"float"}, {"root"});
  builder.node("Div", {"z", "root"}, {"y"});
  EXPECT_THAT(types_of(read_back(builder).graph), ElementsAre("reshape", "affine"));
  expect_near(run(builder, x), x.view({2, 3, 2, 4}) / 2);
}

TEST_F(OnnxGraphTest, AnExpandedParameterIsGivenToEveryInput) {
  const at::Tensor x = normal({3, 5, 4});
  const at::Tensor token = normal({1, 1, 4}, 2);
  ModelBuilder builder({5, 4});
  builder.value("token", token).node("Shape", {"x"}, {"shape"}).integers("first", {0});
  builder.node("Gather", {"shape", "first"}, {"batch"}).integers("kept", {-1, -1});
  builder.node("Concat", {"batch", "kept"}, {"wanted"}, {{"axis", std::int64_t{0}}}).integers("three", {3});
  builder.node("ConstantOfShape", {"three"}, {"ones"}, {{"value", at::ones({1}, at::kLong)}});
  builder.value("minus", at::full({}, -1, at::kLong)).node("Mul", {"ones", "minus"}, {"marks"});
  builder.node("Equal", {"wanted", "marks"}, {"is_mark"}).node("Where", {"is_mark", "ones", "wanted"}, {"sides"});
  builder.node("Expand", {"token", "sides"}, {"tokens"});
  builder.node("Concat", {"tokens", "x"}, {"y"}, {{"axis", std::int64_t{1}}});
  const Graph graph = read_back(builder).graph;
  EXPECT_THAT(types_of(graph), ElementsAre("parameter", "concat"));
  EXPECT_EQ(graph.parameters.front().name, "token");
  EXPECT_EQ(graph.parameters.front().role, Role::shift);
  expect_near(run(builder, x), at::cat({token.expand({3, 1, 4}), x}, 1));
}

TEST_F(OnnxGraphTest, SidesThatAreNotTheBatchAreNumbers) {
  // The scale of attention, as PyTorch's exporters write it: the root of the last side.
  const at::Tensor x = normal({3, 5, 4});
  ModelBuilder builder({5, 4});
  builder.node("Shape", {"x"}, {"shape"}).integers("last", {-1}).integers("end", {1 << 30});
  builder.node("Slice", {"shape", "last", "end"}, {"side"}).node("Cast", {"side"}, {"s"}, {{"to", std::int64_t{1}}});
  builder.node("Sqrt", {"s"}, {"root"}).node("Div", {"x", "root"}, {"y"});
  expect_near(run(builder, x), x / 2);
}

TEST_F(OnnxGraphTest, IndicesThatChangeNothingForAnyBatch) {
  const at::Tensor x = normal({4, 5, 2});
  ModelBuilder builder({5, 2});
  builder.integers("flat", {-1}).node("Reshape", {"x", "flat"}, {"a"}).node("Shape", {"x"}, {"shape"});
  const auto scalar = [](std::int64_t value) { return at::full({}, value, at::kLong); };
  builder.value("zero", scalar(0)).value("one", scalar(1)).value("ten", scalar(10)).value("five", scalar(5));
  builder.node("Gather", {"shape", "zero"}, {"batch"}).node("Range", {"zero", "batch", "one"}, {"rows"});
  builder.node("Mul", {"rows", "ten"}, {"starts"}).integers("axis", {1}).node("Unsqueeze", {"starts", "axis"}, {"s"});
  builder.value("columns", at::arange(10, at::kLong)).node("Add", {"s", "columns"}, {"indices"});
  builder.node("Gather", {"a", "indices"}, {"y"});
  expect_near(run(builder, x), x.flatten(1));
  builder.node("Add", {"indices", "one"}, {"others"}).node("Gather", {"a", "others"}, {"z"}).output("z");
  EXPECT_THAT(refusal(builder), HasSubstr("by the number of inputs in the batch"));
  ModelBuilder shifted({5, 2});
  shifted.node("Shape", {"x"}, {"shape"}).value("zero", scalar(0)).value("one", scalar(1));
  shifted.node("Gather", {"shape", "zero"}, {"batch"}).node("Range", {"zero", "batch", "one"}, {"rows"});
  shifted.node("Cast", {"rows"}, {"r"}, {{"to", std::int64_t{1}}}).node("Add", {"x", "r"}, {"y"});
  refusal(shifted);
}

TEST_F(OnnxGraphTest, TheBatchMayLieOnAnotherAxisAndBeMerged) {
  const at::Tensor x = normal({3, 5, 4});
  ModelBuilder builder({5, 4});
  builder.node("Transpose", {"x"}, {"t"}, {{"perm", Integers{1, 0, 2}}});  // [5, N, 4]
  builder.node("Shape", {"t"}, {"shape"}).integers("one", {1}).node("Gather", {"shape", "one"}, {"batch"});
  builder.integers("two", {2}).node("Mul", {"batch", "two"}, {"heads"}).integers("five", {5});
  builder.node("Concat", {"five", "heads", "two"}, {"merged"}, {{"axis", std::int64_t{0}}});
  builder.node("Reshape", {"t", "merged"}, {"m"});  // [5, N * 2, 2]
  builder.node("Transpose", {"m"}, {"h"}, {{"perm", Integers{1, 0, 2}}}).node("Softmax", {"h"}, {"s"});
  builder.node("Concat", {"batch", "two", "five", "two"}, {"apart"}, {{"axis", std::int64_t{0}}});
  builder.node("Reshape", {"s", "apart"}, {"y"});  // [N, 2, 5, 2]
  expect_near(run(builder, x), x.view({3, 5, 2, 2}).transpose(1, 2).softmax(3));
  builder.output("m");
  EXPECT_THAT(refusal(builder), HasSubstr("its output is 5 x (2 batch) x 2"));
}

TEST_F(OnnxGraphTest, AFixedBatchIsFoundInShapes) {
  for (const std::int64_t batch : {1, 2, 4}) {
    const at::Tensor x = normal({batch, 6, 4});
    ModelBuilder builder({6, 4});
    builder.batch(batch).integers("a", {batch, 6, 2, 2}).node("Reshape", {"x", "a"}, {"u"});
    builder.node("Transpose", {"u"}, {"v"}, {{"perm", Integers{2, 0, 1, 3}}});
    builder.integers("b", {2, batch, -1}).node("Reshape", {"v", "b"}, {"w"}).value("i", at::ones({}, at::kLong));
    builder.node("Gather", {"w", "i"}, {"y"}, {{"axis", std::int64_t{0}}});
    expect_near(run(builder, x), x.view({batch, 6, 2, 2}).select(2, 1).reshape({batch, 12}));
    expect_near(evaluate(read_back(builder), normal({7, 6, 4})),
                normal({7, 6, 4}).view({7, 6, 2, 2}).select(2, 1).reshape({7, 12}));
  }
}

TEST_F(OnnxGraphTest, GeluInItsForms) {
  const at::Tensor x = normal({2, 9}) * 2;
  const auto begin = [] {
    ModelBuilder builder({9});
    builder.number("half", 0.5)
        .number("one", 1)
        .number("root", std::numbers::sqrt2)
        .number("inverse", 1 / std::numbers::sqrt2);
    return builder.number("three", 3).number("cubic", 0.044715).number("slope", std::sqrt(2 / std::numbers::pi));
  };
  ModelBuilder torch = begin();
  torch.node("Div", {"x", "root"}, {"a"}).node("Erf", {"a"}, {"b"}).node("Add", {"b", "one"}, {"c"});
  torch.node("Mul", {"x", "c"}, {"d"}).node("Mul", {"d", "half"}, {"y"});
  ModelBuilder ours = begin();
  ours.node("Mul", {"x", "inverse"}, {"a"}).node("Erf", {"a"}, {"b"}).node("Mul", {"x", "half"}, {"c"});
  ours.node("Add", {"one", "b"}, {"d"}).node("Mul", {"c", "d"}, {"y"});
  ModelBuilder inside = begin();
  inside.node("Mul", {"inverse", "x"}, {"a"}).node("Erf", {"a"}, {"b"}).node("Mul", {"b", "half"}, {"c"});
  inside.node("Add", {"c", "half"}, {"d"}).node("Mul", {"d", "x"}, {"y"});
  for (const ModelBuilder& builder : {torch, ours, inside}) {
    EXPECT_THAT(types_of(read_back(builder).graph), ElementsAre("gelu"));
    expect_near(run(builder, x), at::gelu(x));
  }
  ModelBuilder power = begin();
  power.node("Pow", {"x", "three"}, {"a"}).node("Mul", {"cubic", "a"}, {"b"}).node("Add", {"x", "b"}, {"c"});
  power.node("Mul", {"c", "slope"}, {"d"}).node("Tanh", {"d"}, {"e"}).node("Add", {"e", "one"}, {"f"});
  power.node("Mul", {"x", "half"}, {"g"}).node("Mul", {"g", "f"}, {"y"});
  ModelBuilder products = begin();
  products.node("Mul", {"x", "x"}, {"a"}).node("Mul", {"a", "cubic"}, {"b"}).node("Add", {"b", "one"}, {"c"});
  products.node("Mul", {"x", "slope"}, {"d"}).node("Mul", {"d", "c"}, {"e"}).node("Tanh", {"e"}, {"f"});
  products.node("Add", {"one", "f"}, {"g"}).node("Mul", {"x", "g"}, {"h"}).node("Mul", {"half", "h"}, {"y"});
  for (const ModelBuilder& builder : {power, products}) {
    const Graph graph = read_back(builder).graph;
    EXPECT_THAT(types_of(graph), ElementsAre("gelu"));
    EXPECT_EQ(std::get<std::string>(graph.nodes.front().attributes.at("approximation")), "tanh");
    expect_near(run(builder, x), at::gelu(x, "tanh"));
  }
  ModelBuilder other = begin();  // with another slope it is no gelu, and nothing else that is known
  other.node("Erf", {"x"}, {"b"}).node("Add", {"b", "one"}, {"c"}).node("Mul", {"x", "c"}, {"d"});
  EXPECT_THAT(refusal(other.node("Mul", {"d", "half"}, {"y"})), HasSubstr("node 'n1' (Erf"));
}

TEST_F(OnnxGraphTest, GatedActivations) {
  const at::Tensor x = normal({2, 9}) * 4;
  const ModelBuilder silu = ModelBuilder({9}).node("Sigmoid", {"x"}, {"s"}).node("Mul", {"s", "x"}, {"y"});
  EXPECT_THAT(types_of(read_back(silu).graph), ElementsAre("silu"));
  expect_near(run(silu, x), at::silu(x));
  ModelBuilder clipped({9});
  clipped.number("three", 3).number("zero", 0).number("six", 6).node("Add", {"x", "three"}, {"a"});
  clipped.node("Clip", {"a", "zero", "six"}, {"b"}).node("Div", {"b", "six"}, {"y"});
  EXPECT_THAT(types_of(read_back(clipped).graph), ElementsAre("hard-sigmoid"));
  expect_near(run(clipped, x), at::hardsigmoid(x));
  clipped.node("Mul", {"x", "b"}, {"c"}).node("Div", {"c", "six"}, {"d"}).output("d");
  expect_near(run(clipped, x), at::hardswish(x));
  EXPECT_LE(read_back(clipped).graph.nodes.size(), 2U);
  const ModelBuilder softplus =
      ModelBuilder({9}).number("one", 1).node("Exp", {"x"}, {"a"}).node("Add", {"one", "a"}, {"b"});
  EXPECT_THAT(types_of(read_back(ModelBuilder(softplus).node("Log", {"b"}, {"y"})).graph), ElementsAre("softplus"));
  ModelBuilder guarded({9});  // against overflow
  guarded.number("threshold", 20).node("Softplus", {"x"}, {"s"}).node("Greater", {"x", "threshold"}, {"large"});
  EXPECT_THAT(types_of(read_back(guarded.node("Where", {"large", "x", "s"}, {"y"})).graph), ElementsAre("softplus"));
}

TEST_F(OnnxGraphTest, LayerNormsInTheirForms) {
  const at::Tensor x = normal({2, 3, 6});
  const at::Tensor scale = normal({6}, 2);
  const at::Tensor shift = normal({6}, 3);
  for (const std::string form : {"power", "product", "reciprocal", "root"}) {
    ModelBuilder builder({3, 6});
    builder.value("s", scale).value("b", shift).number("two", 2).number("half", 0.5).number("eps", 1e-6);
    const OnnxAttributes last{{"axes", Integers{-1}}};
    builder.node("ReduceMean", {"x"}, {"mean"}, last).node("Sub", {"x", "mean"}, {"d"});
    builder.node(form == "product" ? "Mul" : "Pow", {"d", form == "product" ? "d" : "two"}, {"square"});
    builder.node("ReduceMean", {"square"}, {"variance"}, last).node("Add", {"variance", "eps"}, {"sum"});
    if (form == "root") {
      builder.node("Pow", {"sum", "half"}, {"deviation"});
    } else {
      builder.node("Sqrt", {"sum"}, {"deviation"});
    }
    if (form == "reciprocal") {
      builder.node("Reciprocal", {"deviation"}, {"r"}).node("Mul", {"d", "r"}, {"n"});
    } else {
      builder.node("Div", {"d", "deviation"}, {"n"});
    }
    builder.node("Mul", {"n", "s"}, {"scaled"}).node("Add", {"scaled", "b"}, {"y"});
    const Graph graph = read_back(builder).graph;
    EXPECT_THAT(types_of(graph), ElementsAre("layer-norm")) << form;
    EXPECT_EQ(graph.parameters[0].name, "s");
    EXPECT_EQ(graph.parameters[1].name, "b");
    expect_near(run(builder, x), at::layer_norm(x, {6}, scale, shift, 1e-6));
    builder.output("n");
    expect_near(run(builder, x), at::layer_norm(x, {6}, {}, {}, 1e-6));
  }
}

TEST_F(OnnxGraphTest, ALayerNormOverChannelsIsTransposed) {
  const at::Tensor x = normal({2, 5, 3, 4});
  ModelBuilder builder({5, 3, 4});
  const OnnxAttributes channels{{"axes", Integers{1}}};
  builder.number("two", 2).number("eps", 1e-5).node("ReduceMean", {"x"}, {"mean"}, channels);
  builder.node("Sub", {"x", "mean"}, {"d"}).node("Pow", {"d", "two"}, {"q"}).node("ReduceMean", {"q"}, {"v"}, channels);
  builder.node("Add", {"v", "eps"}, {"s"}).node("Sqrt", {"s"}, {"r"}).node("Div", {"d", "r"}, {"y"});
  expect_near(run(builder, x), at::layer_norm(x.permute({0, 2, 3, 1}), {5}).permute({0, 3, 1, 2}));
}

TEST_F(OnnxGraphTest, NamesAreKeptOrMadeUnique) {
  ModelBuilder builder({4});
  for (const std::string name : {"/a.b/Relu", "/a.b/Relu", "", "", "line\nbreak", "input"}) {
    const int i = builder.graph().node_size();
    const std::string from = i == 0 ? "x" : fmt::format("v{}", i);
    builder.node("Relu", {from}, {fmt::format("v{}", i + 1)});
    builder.last_node().set_name(name);
  }
  std::vector<std::string> names;
  for (const Node& node : read_back(builder.output("v6")).graph.nodes) {
    names.push_back(node.name);
  }
  EXPECT_THAT(names, ElementsAre("/a.b/Relu", "/a.b/Relu_2", "relu1", "relu2", "line_break", "input_2"));
}

TEST_F(OnnxGraphTest, WeightsOfPyTorchsOlderExporterGetTheNamesOfTheirBiases) {
  ModelBuilder builder({4});
  builder.value("onnx::MatMul_7", normal({4, 3})).value("head.fc.bias", normal({3}));
  builder.node("MatMul", {"x", "onnx::MatMul_7"}, {"z"}).node("Add", {"head.fc.bias", "z"}, {"y"});
  EXPECT_EQ(read_back(builder).graph.parameters.front().name, "head.fc.weight");
  ModelBuilder newer({4});
  newer.value("val_7", normal({4, 3})).value("head.fc.bias", normal({3})).value("val_8", normal({4}));
  newer.node("Mul", {"x", "val_8"}, {"w"}).node("MatMul", {"w", "val_7"}, {"z"});
  const Graph graph = read_back(newer.node("Add", {"z", "head.fc.bias"}, {"y"})).graph;
  EXPECT_EQ(graph.parameters[0].role, Role::constant) << "the exporter has computed it";
  EXPECT_EQ(graph.parameters[1].name, "head.fc.weight");
}

TEST_F(OnnxGraphTest, TheOutputMayBeAnInnerValueAndNodesMayBeInAnyOrder) {
  ModelBuilder builder({4});
  builder.node("Relu", {"b"}, {"y"}).node("Tanh", {"x"}, {"a"}).node("Sigmoid", {"a"}, {"b"}).output("b");
  EXPECT_THAT(types_of(read_back(builder).graph), ElementsAre("tanh", "sigmoid"));
}

TEST_F(OnnxGraphTest, TellsWhatTheFileSays) {
  ModelBuilder builder({4}, 15);
  builder.node("Relu", {"x"}, {"y"}).model().set_producer_name("pytorch");
  builder.model().set_producer_version("2.9");
  auto& entry = *builder.model().add_metadata_props();
  entry.set_key("method");
  entry.set_value("ntt");
  const OnnxModel model = read_back(builder);
  EXPECT_EQ(model.opset, 15);
  EXPECT_EQ(model.producer, "pytorch 2.9");
  EXPECT_EQ(model.metadata.at("method"), "ntt");
  EXPECT_EQ(model.graph.name, "model");
  EXPECT_EQ(model.graph.input_shape(), Shape({4}));
}

}  // namespace
}  // namespace ntt
