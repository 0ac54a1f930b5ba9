#include "ntt/onnx/graph_writer.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ntt::onnx_export {

void set_tensor(onnx::TensorProto& proto, const std::string& name, const at::Tensor& values) {
  proto.set_name(name);
  proto.set_data_type(values.scalar_type() == at::kLong ? onnx::TensorProto::INT64 : onnx::TensorProto::FLOAT);
  for (const std::int64_t size : values.sizes()) {
    proto.add_dims(size);
  }
  const at::Tensor elements = values.contiguous();
  proto.set_raw_data(elements.data_ptr(), elements.nbytes());
}

void set(onnx::NodeProto& node, const char* name, std::int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set(onnx::NodeProto& node, const char* name, double value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value));
}

void set(onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) {
    attribute.add_ints(value);
  }
}

GraphWriter::GraphWriter(onnx::GraphProto& proto, const Graph& graph)
    : proto_(proto), graph_(graph), users_(users_of(graph)), names_(graph.values.size()) {
  for (const ParameterSpec& parameter : graph.parameters) {
    used_.insert(parameter.name);
  }
  names_[graph.input] = unused(graph.values[graph.input].name);
}

void GraphWriter::write(const std::string& output) {
  for (const Node& node : graph_.nodes) {
    node_ = &node;
    names_[node.output] = unused(node.output == graph_.output ? output : node.name);
    write_node(*this);
  }
}

double GraphWriter::number(const char* key, double otherwise) const {
  const auto found = node_->attributes.find(key);
  if (found == node_->attributes.end()) {
    return otherwise;
  }
  const auto* whole = std::get_if<std::int64_t>(&found->second);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(found->second);
}

bool GraphWriter::flag(const char* key, bool otherwise) const {
  const auto found = node_->attributes.find(key);
  return found == node_->attributes.end() ? otherwise : std::get<bool>(found->second);
}

std::vector<std::int64_t> GraphWriter::sizes(const char* key, std::size_t count, std::int64_t otherwise) const {
  const auto found = node_->attributes.find(key);
  if (found == node_->attributes.end()) {
    return std::vector(count, otherwise);
  }
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
    return std::vector(count, *whole);
  }
  const auto& list = std::get<std::vector<std::int64_t>>(found->second);
  if (list.size() == 1) {
    return std::vector(count, list.front());
  }
  std::vector<std::int64_t> values = list;
  values.insert(values.end(), list.begin(), list.size() < count ? list.end() : list.begin());  // for both ends
  return values;
}

std::int64_t GraphWriter::axis(const char* key, std::int64_t otherwise) const {
  const std::int64_t value = sizes(key, 1, otherwise).front();
  return value < 0 ? value : value + 1;
}

onnx::NodeProto& GraphWriter::append(const std::string& operation, const std::string& name,
                                     const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = *proto_.add_node();
  node.set_op_type(operation);
  node.set_name(name);
  for (const std::string& input : inputs) {
    node.add_input(input);
  }
  return node;
}

onnx::NodeProto& GraphWriter::result(const std::string& operation, const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = append(operation, node_->name, inputs);
  node.add_output(names_[node_->output]);
  return node;
}

std::string GraphWriter::step(const std::string& operation, const std::vector<std::string>& inputs) {
  std::string name = unused(fmt::format("{}.{}", node_->name, operation));
  append(operation, name, inputs).add_output(name);
  return name;
}

std::string GraphWriter::unused(const std::string& name) {
  std::string candidate = name;
  for (int i = 2; !used_.insert(candidate).second; ++i) {
    candidate = fmt::format("{}.{}", name, i);
  }
  return candidate;
}

std::string GraphWriter::add_constant(const std::string& name, const at::Tensor& values) {
  if (used_.insert(name).second) {
    set_tensor(*proto_.add_initializer(), name, values);
  }
  return name;
}

std::string GraphWriter::constant(double value) {
  return add_constant(fmt::format("constant.{}", value), at::scalar_tensor(value, at::kFloat));
}

std::string GraphWriter::constant(const std::vector<std::int64_t>& values) {
  return add_constant(fmt::format("constant.[{}]", fmt::join(values, ",")), at::tensor(values, at::kLong));
}

bool GraphWriter::is_broadcast() const {
  return std::ranges::all_of(users_[node_->output], [&](NodeId user) {
    const std::string& type = graph_.nodes[user].type;
    return type == "add" || type == "sub" || type == "mul" || type == "div";
  });
}

std::string GraphWriter::batch_size() {
  if (batch_size_.empty()) {
    const std::string shape = step("Shape", {names_[graph_.input]});
    batch_size_ = step("Gather", {shape, constant(std::vector<std::int64_t>{0})});
  }
  return batch_size_;
}

}  // namespace ntt::onnx_export
