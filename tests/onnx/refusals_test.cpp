// Files that are wrong, or networks that are not supported: one sentence each, and nothing worse.

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <ctime>
#include <random>

#include "ntt/core/error.h"
#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using Integers = std::vector<std::int64_t>;

class OnnxRefusalTest : public OnnxTest {
 protected:
  std::string refusal_of_bytes(const std::string& bytes) const {
    write(folder_ / "broken.onnx", bytes);
    return message_of<InputError>([&] { read_onnx(folder_ / "broken.onnx"); });
  }
};

TEST_F(OnnxRefusalTest, FilesThatAreNotOnnx) {
  EXPECT_THAT(message_of<InputError>([&] { read_onnx(folder_ / "none.onnx"); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of<InputError>([&] { read_onnx(folder_); }), HasSubstr("not a file"));
  EXPECT_THAT(refusal_of_bytes(""), HasSubstr("is not an ONNX model, or is cut short"));
  EXPECT_THAT(refusal_of_bytes("name = \"net\"\n"), HasSubstr("is not an ONNX model"));
  const std::string whole = ModelBuilder({4}).value("w", normal({4, 4})).node("MatMul", {"x", "w"}, {"y"}).bytes();
  EXPECT_THAT(refusal_of_bytes(whole.substr(0, whole.size() - 5)), HasSubstr("cut short"));
}

TEST_F(OnnxRefusalTest, OpsetsThatAreTooOldOrTooNew) {
  const auto of = [](std::int64_t opset) { return ModelBuilder({4}, opset).node("Relu", {"x"}, {"y"}); };
  EXPECT_THAT(refusal(of(8)), HasSubstr("opset 8 of ONNX; opsets 9 to 28 are supported"));
  EXPECT_THAT(refusal(of(kNewestOpset + 1)), HasSubstr("opset 29"));
  EXPECT_NO_THROW(read_back(of(kOldestOpset)));
  EXPECT_NO_THROW(read_back(of(kNewestOpset)));
  ModelBuilder none({4});
  none.node("Relu", {"x"}, {"y"}).model().clear_opset_import();
  EXPECT_THAT(refusal(none), HasSubstr("opset 0"));
}

TEST_F(OnnxRefusalTest, OperatorsThatAreNotThere) {
  ModelBuilder unknown({4});
  EXPECT_THAT(refusal(unknown.node("Einsum", {"x"}, {"y"})),
              AllOf(HasSubstr("node 'n1' (Einsum, opset 13): the operator Einsum is not supported; supported are Add"),
                    HasSubstr("Transpose, Unsqueeze")));
  ModelBuilder other({4});
  other.node("Relu", {"x"}, {"y"}).last_node().set_domain("com.microsoft");
  EXPECT_THAT(refusal(other), HasSubstr("Relu of com.microsoft"));
  for (const char* flow : {"If", "Loop", "Scan"}) {
    EXPECT_THAT(refusal(ModelBuilder({4}).node(flow, {"x"}, {"y"})), HasSubstr(flow));
  }
  for (const char* norm : {"InstanceNormalization", "GroupNormalization", "LSTM", "Resize"}) {
    EXPECT_THAT(refusal(ModelBuilder({4}).node(norm, {"x"}, {"y"})), HasSubstr("is not supported; supported are"));
  }
  ModelBuilder unnamed({4});
  unnamed.node("Einsum", {"x"}, {"y"}).last_node().clear_name();
  EXPECT_THAT(refusal(unnamed), HasSubstr("a Einsum node that makes 'y' (opset 13)"));
  ModelBuilder unused({4});
  unused.node("Einsum", {"x"}, {"u"}).node("Relu", {"x"}, {"y"});
  EXPECT_NO_THROW(read_back(unused));
}

TEST_F(OnnxRefusalTest, InputsAndOutputs) {
  ModelBuilder outputs({4});
  outputs.node("Relu", {"x"}, {"y"}).graph().add_output()->set_name("x");
  EXPECT_THAT(refusal(outputs), HasSubstr("it has 2 outputs"));
  ModelBuilder inputs({4});
  inputs.node("Relu", {"x"}, {"y"});
  *inputs.graph().add_input() = inputs.graph().input(0);
  inputs.graph().mutable_input(1)->set_name("x2");
  EXPECT_THAT(refusal(inputs), HasSubstr("it has 2 inputs, 2 of them of floats"));
  ModelBuilder tokens({4});
  tokens.node("Relu", {"x"}, {"y"});
  tokens.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(::onnx::TensorProto::INT64);
  EXPECT_THAT(refusal(tokens), HasSubstr("0 of them of floats"));
  ModelBuilder none({4});
  none.node("Relu", {"x"}, {"y"}).graph().clear_input();
  EXPECT_THAT(refusal(none), HasSubstr("it has 0 inputs"));
  ModelBuilder constant({4});
  EXPECT_THAT(refusal(constant.value("c", normal({2, 4})).output("c")), HasSubstr("does not depend on its input"));
  ModelBuilder nothing({4});
  EXPECT_THAT(refusal(nothing.node("Relu", {"x"}, {"y"}).output("q")), HasSubstr("makes the value 'q'"));
}

TEST_F(OnnxRefusalTest, ShapesOfTheInput) {
  ModelBuilder free({3, 4});
  free.node("Relu", {"x"}, {"y"});
  auto& shape = *free.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(2)->set_dim_param("width");
  EXPECT_THAT(refusal(free), HasSubstr("axis 2 of its input 'x' has no fixed size"));
  shape.mutable_dim(2)->set_dim_value(std::int64_t{1} << 60);
  EXPECT_THAT(refusal(free), HasSubstr("more than"));
  shape.clear_dim();
  EXPECT_THAT(refusal(free), HasSubstr("at least one more axis"));
}

TEST_F(OnnxRefusalTest, GraphsThatAreNone) {
  ModelBuilder cyclic({4});
  cyclic.node("Add", {"x", "b"}, {"a"}).node("Relu", {"a"}, {"b"}).node("Relu", {"b"}, {"y"});
  EXPECT_THAT(refusal(cyclic), HasSubstr("node 'n1' (Add, opset 13) depends on its own output"));
  EXPECT_THAT(refusal(ModelBuilder({4}).node("MatMul", {"x", "w"}, {"y"})),
              HasSubstr("node 'n1' (MatMul, opset 13): nothing in the file makes the value 'w'"));
  EXPECT_THAT(refusal(ModelBuilder({4}).node("Relu", {"x"}, {"y"}).node("Tanh", {"x"}, {"y"})),
              HasSubstr("the value 'y' of node 'n2' (Tanh, opset 13) is there already"));
  ModelBuilder twice({4});
  twice.value("w", normal({4, 4})).value("w", normal({4, 4})).node("MatMul", {"x", "w"}, {"y"});
  EXPECT_THAT(refusal(twice), HasSubstr("two initialisers named 'w'"));
  EXPECT_THAT(refusal(ModelBuilder({4}).node("Relu", {}, {"y"})), HasSubstr("all its inputs are constants"));
  EXPECT_THAT(refusal(ModelBuilder({4}).node("Add", {"x"}, {"y"})), HasSubstr("input 2 is missing"));
  ModelBuilder mismatch({4});
  EXPECT_THAT(refusal(mismatch.value("w", normal({5, 3})).node("MatMul", {"x", "w"}, {"y"})), HasSubstr("3x5"));
}

TEST_F(OnnxRefusalTest, SizesThatAreAbsurd) {
  ModelBuilder zeros({4});
  zeros.integers("shape", {std::int64_t{1} << 40, std::int64_t{1} << 20});
  zeros.node("ConstantOfShape", {"shape"}, {"c"}).node("Add", {"x", "c"}, {"y"});
  EXPECT_THAT(refusal(zeros), HasSubstr("too much memory"));
  ModelBuilder negative({4});
  negative.integers("shape", {-4}).node("ConstantOfShape", {"shape"}, {"c"}).node("Add", {"x", "c"}, {"y"});
  EXPECT_THAT(refusal(negative), HasSubstr("side of -4"));
  ModelBuilder range({4});
  range.number("a", 0).number("b", 1e30).number("c", 1).node("Range", {"a", "b", "c"}, {"r"});
  EXPECT_THAT(refusal(range.node("Add", {"x", "r"}, {"y"})), HasSubstr("too much memory"));
  ModelBuilder doubling({4});  // 2^40 entries in forty nodes
  doubling.value("v0", normal({1}));
  for (int i = 0; i < 40; ++i) {
    const std::string from = fmt::format("v{}", i);
    doubling.node("Concat", {from, from}, {fmt::format("v{}", i + 1)}, {{"axis", std::int64_t{0}}});
  }
  EXPECT_THAT(refusal(doubling.node("Add", {"x", "v40"}, {"y"})), HasSubstr("too much memory"));
  ModelBuilder pad({4, 4, 4}, 10);
  const std::int64_t huge = 1 << 24;
  pad.node("Pad", {"x"}, {"y"}, {{"pads", Integers{0, huge, huge, huge, 0, huge, huge, huge}}});
  refusal(pad);
}

TEST_F(OnnxRefusalTest, SubgraphsWithinSubgraphsWithoutEnd) {
  ::onnx::GraphProto graph;
  for (int i = 0; i < 300; ++i) {
    ::onnx::GraphProto outer;
    auto& attribute = *outer.add_node()->add_attribute();
    attribute.set_name("body");
    attribute.set_type(::onnx::AttributeProto::GRAPH);
    *attribute.mutable_g() = graph;
    graph = outer;
  }
  ModelBuilder builder({4});
  builder.graph().MergeFrom(graph);
  EXPECT_THAT(refusal_of_bytes(builder.bytes()), HasSubstr("is not an ONNX model"));
}

TEST_F(OnnxRefusalTest, SwappingTwoBytesInShapeArithmeticOverflowsNothing) {
  ModelBuilder builder({4});
  builder.integers("a", {std::numeric_limits<std::int64_t>::min()}).integers("b", {-1}).integers("zero", {0});
  builder.node("Div", {"a", "b"}, {"c"}).node("Reshape", {"x", "c"}, {"y"});
  refusal(builder);
  EXPECT_THAT(
      refusal(ModelBuilder(builder).node("Div", {"a", "zero"}, {"d"}).node("Reshape", {"x", "d"}, {"e"}).output("e")),
      HasSubstr("divides by zero"));
  EXPECT_THAT(
      refusal(ModelBuilder(builder).node("Mul", {"a", "a"}, {"d"}).node("Reshape", {"x", "d"}, {"e"}).output("e")),
      HasSubstr("too large"));
}

/// A convolutional network, a transformer's arithmetic on shapes, and a little of everything else.
std::vector<std::string> valid_models() {
  ModelBuilder conv({2, 6, 6});
  conv.value("w", normal({3, 2, 3, 3})).value("s", normal({3}).abs()).value("h", normal({3}));
  conv.value("m", normal({3}, 2)).value("v", normal({3}, 3).abs());
  conv.node("Conv", {"x", "w"}, {"a"}, {{"pads", Integers(4, 1)}, {"strides", Integers{2, 2}}});
  conv.node("BatchNormalization", {"a", "s", "h", "m", "v"}, {"b"}).node("Relu", {"b"}, {"c"});
  conv.node("MaxPool", {"c"}, {"d"}, {{"kernel_shape", Integers{2, 2}}}).node("Flatten", {"d"}, {"e"});
  conv.value("f", normal({12, 5})).value("g", normal({5})).node("Gemm", {"e", "f", "g"}, {"y"}, {{"alpha", 0.5}});
  ModelBuilder shapes({3, 8});
  shapes.node("Shape", {"x"}, {"shape"}).integers("i", {0}).node("Gather", {"shape", "i"}, {"n"});
  shapes.integers("rest", {2, 12}).node("Concat", {"n", "rest"}, {"t"}, {{"axis", std::int64_t{0}}});
  shapes.node("Reshape", {"x", "t"}, {"a"}).node("Transpose", {"a"}, {"b"}, {{"perm", Integers{1, 0, 2}}});
  shapes.node("Split", {"b"}, {"c", "d"}, {{"axis", std::int64_t{2}}}).node("Mul", {"c", "d"}, {"e"});
  shapes.node("Constant", {}, {"k"}, {{"value", normal({6})}}).node("Add", {"e", "k"}, {"f"});
  shapes.node("Slice", {"f", "i", "one", "i"}, {"g"}).integers("one", {1}).node("Squeeze", {"g", "i"}, {"h"});
  shapes.node("Softmax", {"h"}, {"y"});
  return {conv.bytes(), shapes.bytes()};
}

TEST_F(OnnxRefusalTest, BrokenBytesNeverDoMoreThanFail) {
  std::mt19937 random(1);
  const std::clock_t start = std::clock();
  int refused = 0;
  for (const std::string& whole : valid_models()) {
    write(folder_ / "whole.onnx", whole);
    EXPECT_NO_THROW(read_onnx(folder_ / "whole.onnx"));
    for (int round = 0; round < 800; ++round) {
      std::string bytes = whole;
      for (unsigned flips = 1 + random() % 3; flips > 0; --flips) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      if (round % 5 == 0) {
        bytes.resize(random() % bytes.size());
      }
      write(folder_ / "broken.onnx", bytes);
      try {
        read_onnx(folder_ / "broken.onnx");
      } catch (const InputError& error) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 400);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 60);
}

}  // namespace
}  // namespace ntt
