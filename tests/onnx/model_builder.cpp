#include "tests/onnx/model_builder.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "ntt/core/error.h"
#include "tests/onnx/evaluate.h"

namespace ntt::testing_support {
namespace {

using ::onnx::AttributeProto;
using ::onnx::TensorProto;

TensorProto::DataType onnx_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return TensorProto::FLOAT;
    case at::kDouble:
      return TensorProto::DOUBLE;
    case at::kHalf:
      return TensorProto::FLOAT16;
    case at::kBFloat16:
      return TensorProto::BFLOAT16;
    case at::kBool:
      return TensorProto::BOOL;
    case at::kInt:
      return TensorProto::INT32;
    default:
      return TensorProto::INT64;
  }
}

}  // namespace

void set_tensor(TensorProto& proto, const at::Tensor& tensor) {
  proto.set_data_type(onnx_type(tensor.scalar_type()));
  for (const std::int64_t side : tensor.sizes()) {
    proto.add_dims(side);
  }
  const at::Tensor values = tensor.contiguous();
  proto.set_raw_data(values.data_ptr(), values.nbytes());
}

void set_attribute(::onnx::NodeProto& node, const std::string& name, const OnnxAttribute& value) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(*integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    attribute.set_type(AttributeProto::FLOAT);
    attribute.set_f(static_cast<float>(*number));
  } else if (const auto* word = std::get_if<std::string>(&value)) {
    attribute.set_type(AttributeProto::STRING);
    attribute.set_s(*word);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    attribute.set_type(AttributeProto::INTS);
    attribute.mutable_ints()->Assign(integers->begin(), integers->end());
  } else {
    attribute.set_type(AttributeProto::TENSOR);
    set_tensor(*attribute.mutable_t(), std::get<at::Tensor>(value));
  }
}

ModelBuilder::ModelBuilder(const Shape& input, std::int64_t opset) {
  model_.set_ir_version(7);
  model_.add_opset_import()->set_version(opset);
  auto& x = *graph().add_input();
  x.set_name("x");
  x.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  auto& shape = *x.mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.add_dim()->set_dim_param("N");
  for (const std::int64_t side : input) {
    shape.add_dim()->set_dim_value(side);
  }
  graph().add_output()->set_name("y");
}

ModelBuilder& ModelBuilder::node(const std::string& operation, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs, const OnnxAttributes& attributes) {
  ::onnx::NodeProto& added = *graph().add_node();
  added.set_op_type(operation);
  added.set_name(fmt::format("n{}", graph().node_size()));
  added.mutable_input()->Assign(inputs.begin(), inputs.end());
  added.mutable_output()->Assign(outputs.begin(), outputs.end());
  for (const auto& [name, attribute] : attributes) {
    set_attribute(added, name, attribute);
  }
  return *this;
}

ModelBuilder& ModelBuilder::value(const std::string& name, const at::Tensor& tensor) {
  TensorProto& proto = *graph().add_initializer();
  proto.set_name(name);
  set_tensor(proto, tensor);
  return *this;
}

ModelBuilder& ModelBuilder::integers(const std::string& name, const std::vector<std::int64_t>& values) {
  return value(name, at::tensor(values, at::kLong));
}

ModelBuilder& ModelBuilder::number(const std::string& name, double number) {
  return value(name, at::scalar_tensor(number, at::kFloat));
}

ModelBuilder& ModelBuilder::batch(std::int64_t size) {
  auto& side = *graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0);
  side.set_dim_value(size);
  return *this;
}

ModelBuilder& ModelBuilder::output(const std::string& name) {
  graph().mutable_output(0)->set_name(name);
  return *this;
}

std::filesystem::path OnnxTest::save(const ModelBuilder& builder) const {
  const std::filesystem::path path = folder_ / "model.onnx";
  write(path, builder.bytes());
  return path;
}

at::Tensor OnnxTest::run(const ModelBuilder& builder, const at::Tensor& inputs) const {
  return evaluate(read_back(builder), inputs);
}

std::string OnnxTest::refusal(const ModelBuilder& builder) const {
  const std::filesystem::path path = save(builder);
  const std::string message = message_of<InputError>([&] { read_onnx(path); });
  EXPECT_TRUE(message.starts_with(path.string())) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

std::vector<std::string> types_of(const Graph& graph) {
  std::vector<std::string> types;
  for (const Node& node : graph.nodes) {
    types.push_back(node.type);
  }
  return types;
}

at::Tensor normal(at::IntArrayRef shape, std::int64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed)), at::kFloat);
}

void expect_near(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const double error = (actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
  EXPECT_LE(error, tolerance * std::max(1.0, expected.abs().max().item<double>()));
}

}  // namespace ntt::testing_support
