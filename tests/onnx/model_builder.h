#pragma once

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ntt/graph/graph.h"
#include "ntt/onnx/reader.h"
#include "tests/io/temporary_folder.h"

namespace ntt::testing_support {

/// An attribute of a node.
using OnnxAttribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, at::Tensor>;
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

/// Makes an ONNX model by hand: one input "x" [batch, shape...] of floats and, at first, the output "y".
class ModelBuilder {
 public:
  explicit ModelBuilder(const Shape& input, std::int64_t opset = 13);

  /// Adds a node named "n1", "n2", ...
  ModelBuilder& node(const std::string& operation, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const OnnxAttributes& attributes = {});
  /// Adds an initialiser with raw data.
  ModelBuilder& value(const std::string& name, const at::Tensor& tensor);
  ModelBuilder& integers(const std::string& name, const std::vector<std::int64_t>& values);
  ModelBuilder& number(const std::string& name, double value);
  /// The batch is of this size, not free.
  ModelBuilder& batch(std::int64_t size);
  ModelBuilder& output(const std::string& name);

  ::onnx::ModelProto& model() { return model_; }
  ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  ::onnx::NodeProto& last_node() { return *graph().mutable_node(graph().node_size() - 1); }
  std::string bytes() const { return model_.SerializeAsString(); }

 private:
  ::onnx::ModelProto model_;
};

void set_attribute(::onnx::NodeProto& node, const std::string& name, const OnnxAttribute& value);
void set_tensor(::onnx::TensorProto& proto, const at::Tensor& tensor);

/// Writes models to a folder of its own and reads them.
class OnnxTest : public TemporaryFolderTest {
 protected:
  std::filesystem::path save(const ModelBuilder& builder) const;
  OnnxModel read_back(const ModelBuilder& builder) const { return read_onnx(save(builder)); }
  /// What the model computes for inputs [N, ...].
  at::Tensor run(const ModelBuilder& builder, const at::Tensor& inputs) const;
  /// The one sentence with which it is refused.
  std::string refusal(const ModelBuilder& builder) const;
};

/// The types of a graph's nodes.
std::vector<std::string> types_of(const Graph& graph);
/// Normal values that are the same in every run.
at::Tensor normal(at::IntArrayRef shape, std::int64_t seed = 1);
/// Expects equality up to rounding.
void expect_near(const at::Tensor& actual, const at::Tensor& expected, double tolerance = 1e-5);

}  // namespace ntt::testing_support
