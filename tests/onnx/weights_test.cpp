// Where weights lie: raw, typed, in 16 bits, sparse, in other files, used more than once.

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <ctime>

#include "ntt/core/error.h"
#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;
using ::onnx::TensorProto;
using testing::ElementsAre;
using testing::HasSubstr;

class OnnxWeightsTest : public OnnxTest {
 protected:
  /// A linear layer of 3 inputs and 2 outputs, whose weight [3, 2] the test gives.
  static ModelBuilder linear() { return ModelBuilder({3}).node("MatMul", {"x", "w"}, {"y"}); }
  static TensorProto& weight(ModelBuilder& builder, int type) {
    TensorProto& proto = *builder.graph().add_initializer();
    proto.set_name("w");
    proto.set_data_type(type);
    proto.add_dims(3);
    proto.add_dims(2);
    return proto;
  }
  static void set_external(TensorProto& proto, const std::string& location, const std::string& offset = "",
                           const std::string& length = "") {
    proto.set_data_location(TensorProto::EXTERNAL);
    for (const auto& [key, value] : {std::pair("location", location), {"offset", offset}, {"length", length}}) {
      if (!value.empty()) {
        auto& entry = *proto.add_external_data();
        entry.set_key(key);
        entry.set_value(value);
      }
    }
  }
  ModelBuilder external(const std::string& location, const std::string& offset = "", const std::string& length = "") {
    ModelBuilder builder = linear();
    set_external(weight(builder, TensorProto::FLOAT), location, offset, length);
    return builder;
  }
  static std::string bytes_of(const at::Tensor& tensor) {
    return {static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()};
  }

  const at::Tensor expected_ = at::tensor({1.0, -2.0, 0.5, 4.0, 0.25, -8.0}).to(at::kFloat).view({3, 2});
};

TEST_F(OnnxWeightsTest, RawDataOfEveryFloatBecomeFloat32) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const OnnxModel model = read_back(linear().value("w", expected_.to(type)));
    EXPECT_EQ(model.values.at("w").scalar_type(), at::kFloat);
    EXPECT_TRUE(model.values.at("w").is_contiguous());
    EXPECT_TRUE(model.values.at("w").equal(expected_.t()));
  }
}

TEST_F(OnnxWeightsTest, TypedFields) {
  ModelBuilder floats = linear();
  ModelBuilder doubles = linear();
  TensorProto& float_weight = weight(floats, TensorProto::FLOAT);
  TensorProto& double_weight = weight(doubles, TensorProto::DOUBLE);
  for (std::int64_t i = 0; i < 6; ++i) {
    float_weight.add_float_data(expected_.flatten()[i].item<float>());
    double_weight.add_double_data(expected_.flatten()[i].item<double>());
  }
  EXPECT_TRUE(read_back(floats).values.at("w").equal(expected_.t()));
  EXPECT_TRUE(read_back(doubles).values.at("w").equal(expected_.t()));
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    ModelBuilder halves = linear();
    TensorProto& proto = weight(halves, type == at::kHalf ? TensorProto::FLOAT16 : TensorProto::BFLOAT16);
    const at::Tensor bits = expected_.to(type).flatten();
    for (std::int64_t i = 0; i < 6; ++i) {
      proto.add_int32_data(static_cast<const std::uint16_t*>(bits.data_ptr())[i]);
    }
    EXPECT_TRUE(read_back(halves).values.at("w").equal(expected_.t()));
  }
}

TEST_F(OnnxWeightsTest, BytesThatDoNotFitTheShapeAreRefused) {
  ModelBuilder few = linear();
  weight(few, TensorProto::FLOAT).set_raw_data("1234");
  EXPECT_THAT(refusal(few), HasSubstr("'w' of 3x2 needs 6 entries, but the file has 4 bytes"));
  ModelBuilder none = linear();
  weight(none, TensorProto::FLOAT);
  EXPECT_THAT(refusal(none), HasSubstr("0 values"));
  ModelBuilder huge = linear();
  TensorProto& proto = weight(huge, TensorProto::FLOAT);
  proto.add_dims(std::int64_t{1} << 62);
  EXPECT_THAT(refusal(huge), HasSubstr("no tensor can have"));
  ModelBuilder negative = linear();
  weight(negative, TensorProto::FLOAT).add_dims(-1);
  refusal(negative);
  ModelBuilder words = linear();
  weight(words, TensorProto::STRING);
  EXPECT_THAT(refusal(words), HasSubstr("ONNX's type 8"));
  ModelBuilder integers = linear();
  integers.value("w", at::ones({3, 2}, at::kLong));
  EXPECT_THAT(refusal(integers), HasSubstr("not of floats"));
}

TEST_F(OnnxWeightsTest, InitialisersAmongTheInputs) {
  ModelBuilder builder = linear();
  builder.value("w", expected_);
  builder.model().set_ir_version(3);
  auto& input = *builder.graph().add_input();
  input.set_name("w");
  input.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  EXPECT_TRUE(read_back(builder).values.at("w").equal(expected_.t()));
}

TEST_F(OnnxWeightsTest, SparseInitialisers) {
  for (const bool has_columns : {false, true}) {
    ModelBuilder builder = linear();
    auto& sparse = *builder.graph().add_sparse_initializer();
    sparse.mutable_values()->set_name("w");
    set_tensor(*sparse.mutable_values(), at::tensor({2.5f, -1.0f}));
    const at::Tensor columns = at::tensor({0, 1, 2, 0}, at::kLong).view({2, 2});
    set_tensor(*sparse.mutable_indices(), has_columns ? columns : at::tensor({1, 4}, at::kLong));
    sparse.add_dims(3);
    sparse.add_dims(2);
    const at::Tensor dense = at::zeros({3, 2});
    dense[0][1] = 2.5;
    dense[2][0] = -1;
    EXPECT_TRUE(read_back(builder).values.at("w").equal(dense.t()));
    sparse.clear_indices();
    set_tensor(*sparse.mutable_indices(), at::tensor({1, 6}, at::kLong));
    EXPECT_THAT(refusal(builder), HasSubstr("index outside"));
    sparse.set_dims(0, std::int64_t{1} << 34);
    EXPECT_THAT(refusal(builder), HasSubstr("too few"));
  }
}

TEST_F(OnnxWeightsTest, ExternalData) {
  write(folder_ / "model.onnx.data", "12345678" + bytes_of(expected_));
  EXPECT_TRUE(read_back(external("model.onnx.data", "8", "24")).values.at("w").equal(expected_.t()));
  EXPECT_TRUE(read_back(external("model.onnx.data", "8")).values.at("w").equal(expected_.t()));
  EXPECT_TRUE(read_back(external("./model.onnx.data", "8")).values.at("w").equal(expected_.t()));
  std::filesystem::create_directory(folder_ / "weights");
  write(folder_ / "weights" / "w.bin", bytes_of(expected_));
  EXPECT_TRUE(read_back(external("weights/w.bin")).values.at("w").equal(expected_.t()));
}

TEST_F(OnnxWeightsTest, AModelInMemoryIsTheFiles) {
  ModelBuilder builder({3});
  builder.value("w", at::rand({4, 3})).node("Gemm", {"x", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  const OnnxModel file = read_back(builder);
  const OnnxModel memory = read_onnx(builder.bytes(), "model");
  EXPECT_EQ(memory.graph, file.graph);
  EXPECT_TRUE(memory.values.at("w").equal(file.values.at("w")));
  EXPECT_THAT(message_of<InputError>([] { read_onnx("no model", "mine"); }), HasSubstr("mine is not an ONNX model"));
  // The data may lie in the working folder by chance: a model in memory has none.
  EXPECT_THAT(message_of<InputError>([&] { read_onnx(external("model.onnx.data").bytes(), "mine"); }),
              HasSubstr("mine: "));
}

TEST_F(OnnxWeightsTest, ExternalDataThatAreShortOrMissingOrElsewhere) {
  write(folder_ / "short.data", "12345678");
  EXPECT_THAT(refusal(external("short.data")), HasSubstr("which has 8 bytes"));
  EXPECT_THAT(refusal(external("short.data", "18446744073709551615")), HasSubstr("which has 8 bytes"));
  EXPECT_THAT(refusal(external("short.data", "", "8")), HasSubstr("have 8 bytes, but its shape needs 24"));
  EXPECT_THAT(refusal(external("short.data", "-1")), HasSubstr("not a number of bytes"));
  EXPECT_THAT(refusal(external("none.data")), HasSubstr("not there"));
  EXPECT_THAT(refusal(external("")), HasSubstr("not a path inside"));
  EXPECT_THAT(refusal(external("../short.data")), HasSubstr("not a path inside"));
  EXPECT_THAT(refusal(external("a/../../short.data")), HasSubstr("not a path inside"));
  EXPECT_THAT(refusal(external("/etc/hostname")), HasSubstr("not a path inside"));
  EXPECT_THAT(refusal(external(".")), HasSubstr("not there"));
  std::filesystem::create_symlink("/etc", folder_ / "link");
  EXPECT_THAT(refusal(external("link/hostname")), HasSubstr("leads out of the model's folder"));
}

TEST_F(OnnxWeightsTest, OneInitialiserOfTwoNodesIsOneParameter) {
  ModelBuilder builder({3});
  builder.value("w", normal({3, 3})).node("MatMul", {"x", "w"}, {"a"}).node("Relu", {"a"}, {"b"});
  builder.node("MatMul", {"b", "w"}, {"y"});
  const Graph graph = read_back(builder).graph;
  EXPECT_THAT(graph.parameters, testing::SizeIs(1));
  EXPECT_THAT(nodes_of_parameters(graph), ElementsAre(ElementsAre(0, 2)));
}

TEST_F(OnnxWeightsTest, OneInitialiserPlainAndTransposedIsTwoParameters) {
  ModelBuilder builder({3});
  builder.value("w", normal({3, 3})).node("MatMul", {"x", "w"}, {"a"}).node("Relu", {"a"}, {"b"});
  builder.node("Gemm", {"b", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  const OnnxModel model = read_back(builder);
  EXPECT_THAT(model.values, testing::SizeIs(2));
  EXPECT_TRUE(model.values.at("w").equal(model.values.at("w.2").t()));
  EXPECT_THAT(model.warnings, ElementsAre(HasSubstr("'w' is used in several forms, of which one becomes 'w.2'")));
  ModelBuilder same({3});  // transposed by a node, then again: the same
  same.value("w", normal({3, 3})).node("Transpose", {"w"}, {"t"}).node("Gemm", {"x", "t"}, {"a"});
  same.node("Gemm", {"a", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  EXPECT_THAT(read_back(same).values, testing::SizeIs(1));
}

TEST_F(OnnxWeightsTest, EqualScalesOfTwoNormsAreTwoParameters) {
  ModelBuilder builder({3, 4});
  builder.value("bn1.weight", at::ones({3})).value("zeros", at::zeros({3}));
  builder.node("Identity", {"bn1.weight"}, {"bn2.weight"});
  builder.node("BatchNormalization", {"x", "bn1.weight", "zeros", "zeros", "bn1.weight"}, {"a"});
  builder.node("BatchNormalization", {"a", "bn2.weight", "zeros", "zeros", "bn1.weight"}, {"y"});
  const OnnxModel model = read_back(builder);
  EXPECT_THAT(model.graph.parameters, testing::SizeIs(8));
  EXPECT_TRUE(model.values.contains("bn2.weight"));
}

TEST_F(OnnxWeightsTest, ALargeFileIsReadWithinTwoSeconds) {
  constexpr std::int64_t kSide = 2600;
  ModelBuilder builder({kSide});
  std::string value = "x";
  for (int i = 0; i < 4; ++i) {
    builder.value(fmt::format("w{}", i), at::ones({kSide, kSide}));
    builder.node("Gemm", {value, fmt::format("w{}", i)}, {fmt::format("v{}", i)}, {{"transB", std::int64_t{1}}});
    value = fmt::format("v{}", i);
  }
  const std::filesystem::path path = save(builder.output(value));
  EXPECT_GT(std::filesystem::file_size(path), 100e6);
  const std::clock_t start = std::clock();  // other programs may keep the processor busy
  read_onnx(path);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 2);
}

}  // namespace
}  // namespace ntt
