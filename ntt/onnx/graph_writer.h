#pragma once

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ntt/graph/graph.h"

namespace ntt::onnx_export {

// Every consumer of today takes these; nothing later is needed.
constexpr int kOpset = 17;

/// Of float32 or int64 values.
void set_tensor(onnx::TensorProto& proto, const std::string& name, const at::Tensor& values);

/// Turns a graph's nodes into ONNX's, each as the function of its type says (write_operators.cpp).
class GraphWriter {
 public:
  GraphWriter(onnx::GraphProto& proto, const Graph& graph);

  /// Writes every node; the graph's value goes under the name `output`.
  void write(const std::string& output);

  // For the functions of types; the node under way, its shapes and attributes.
  const Node& node() const { return *node_; }
  const Shape& shape() const { return graph_.values[node_->output].shape; }
  const Shape& input_shape(std::size_t i = 0) const { return graph_.values[node_->inputs[i]].shape; }
  double number(const char* key, double otherwise) const;
  bool flag(const char* key, bool otherwise) const;
  /// A list of `count` numbers, of which one stands for all; `otherwise` where it is not set.
  std::vector<std::int64_t> sizes(const char* key, std::size_t count, std::int64_t otherwise) const;
  bool has(const char* key) const { return node_->attributes.contains(key); }
  /// An axis, counted with the batch.
  std::int64_t axis(const char* key, std::int64_t otherwise) const;

  /// What its inputs and parameters are called.
  const std::string& input(std::size_t i = 0) const { return names_[node_->inputs[i]]; }
  const std::string& parameter(std::size_t i) const { return graph_.parameters[node_->parameters[i]].name; }

  /// Writes the ONNX node that makes the node's value.
  onnx::NodeProto& result(const std::string& operation, const std::vector<std::string>& inputs);
  /// Writes one on the way there, and returns what its value is called.
  std::string step(const std::string& operation, const std::vector<std::string>& inputs);
  /// The ONNX node written last.
  onnx::NodeProto& last() { return *proto_.mutable_node(proto_.node_size() - 1); }
  /// An initialiser, one for all nodes that want the same.
  std::string constant(double value);
  std::string constant(const std::vector<std::int64_t>& values);

  /// The node's value is its parameter, which is broadcast to the batch where it is read.
  void take_parameter_as_value() { names_[node_->output] = parameter(0); }
  /// Whether every reader of its value broadcasts.
  bool is_broadcast() const;
  /// How many inputs a batch has: the name of a value [1].
  std::string batch_size();

 private:
  onnx::NodeProto& append(const std::string& operation, const std::string& name,
                          const std::vector<std::string>& inputs);
  std::string unused(const std::string& name);
  std::string add_constant(const std::string& name, const at::Tensor& values);

  onnx::GraphProto& proto_;
  const Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  std::vector<std::string> names_;  ///< of values
  std::set<std::string> used_;
  std::string batch_size_;
  const Node* node_ = nullptr;
};

void set(onnx::NodeProto& node, const char* name, std::int64_t value);
void set(onnx::NodeProto& node, const char* name, double value);
void set(onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values);

/// Writes the node under way; InputError where nodes of its type cannot be written.
void write_node(GraphWriter& writer);

}  // namespace ntt::onnx_export
