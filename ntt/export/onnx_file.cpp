#include "ntt/export/onnx_file.h"

#include <ATen/ATen.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"

namespace ntt {
namespace {

// Every consumer of today takes these; nothing later is needed.
constexpr int kOpset = 13;
constexpr int kIrVersion = 7;
constexpr const char* kInput = "input";
constexpr const char* kOutput = "output";

/// Bytes of a sparse initialiser's entry: a float and an int64.
constexpr std::int64_t kSparseEntryBytes = 12;

void set_values(onnx::TensorProto& proto, const std::string& name, const at::Tensor& values) {
  proto.set_name(name);
  proto.set_data_type(values.scalar_type() == at::kLong ? onnx::TensorProto::INT64 : onnx::TensorProto::FLOAT);
  for (const std::int64_t size : values.sizes()) {
    proto.add_dims(size);
  }
  const at::Tensor elements = values.contiguous();
  proto.set_raw_data(elements.data_ptr(), elements.nbytes());
}

/// Turns layers into nodes. Values are named "3.relu", parameters as in the network: their names end otherwise.
class GraphWriter {
 public:
  GraphWriter(onnx::GraphProto& graph, const Network& network, bool sparse)
      : graph_(graph), parameters_(network.parameters()), sparse_(sparse) {}

  /// Returns the name of the last layer's output.
  std::string sequence(const std::vector<LayerSpec>& layers, std::string value) {
    for (const LayerSpec& spec : layers) {
      value = layer(spec, value);
    }
    return value;
  }

 private:
  using Integers = std::vector<std::int64_t>;

  std::string layer(const LayerSpec& spec, const std::string& input) {
    if (spec.type == "linear") {
      return linear(input);
    }
    if (spec.type == "conv2d") {
      return convolution(spec, input);
    }
    if (spec.type == "max-pool" || spec.type == "average-pool") {
      return pool(spec, input);
    }
    if (spec.type == "residual") {
      const std::string body = sequence(spec.body, input);
      return add_node("Add", "residual", {body, sequence(spec.shortcut, input)});
    }
    if (spec.type == "gelu") {
      return gelu(input);
    }
    if (spec.type == "flatten") {
      const std::string output = add_node("Flatten", spec.type, {input});
      set(last_node(), "axis", 1);
      return output;
    }
    if (spec.type == "relu" || spec.type == "tanh") {
      return add_node(spec.type == "relu" ? "Relu" : "Tanh", spec.type, {input});
    }
    fail_input("a layer of type '{}' cannot be written as ONNX", spec.type);
  }

  std::string linear(const std::string& input) {
    const std::string weight = add_parameter();
    const std::string bias = add_parameter();
    const std::string output = add_node("Gemm", "linear", {input, weight, bias});
    set(last_node(), "transB", 1);
    return output;
  }

  std::string convolution(const LayerSpec& spec, const std::string& input) {
    const std::string weight = add_parameter();
    const std::string bias = add_parameter();
    const std::string output = add_node("Conv", spec.type, {input, weight, bias});
    const std::int64_t kernel = spec.numbers.at("kernel");
    const std::int64_t stride = number(spec, "stride", 1);
    set(last_node(), "kernel_shape", Integers(2, kernel));
    set(last_node(), "strides", Integers(2, stride));
    set(last_node(), "pads", Integers(4, number(spec, "padding", 0)));
    return output;
  }

  std::string pool(const LayerSpec& spec, const std::string& input) {
    const std::string output = add_node(spec.type == "max-pool" ? "MaxPool" : "AveragePool", spec.type, {input});
    const std::int64_t kernel = spec.numbers.at("kernel");
    set(last_node(), "kernel_shape", Integers(2, kernel));
    set(last_node(), "strides", Integers(2, number(spec, "stride", kernel)));
    return output;
  }

  /// z / 2 * (1 + erf(z / sqrt(2))): the operator Gelu is of a later opset.
  std::string gelu(const std::string& input) {
    const std::string scaled = add_node("Mul", "gelu", {input, constant("sqrt_half", std::numbers::sqrt2 / 2)});
    const std::string error_function = add_node("Erf", "gelu", {scaled});
    const std::string shifted = add_node("Add", "gelu", {error_function, constant("one", 1)});
    const std::string half = add_node("Mul", "gelu", {input, constant("half", 0.5)});
    return add_node("Mul", "gelu", {half, shifted});
  }

  static std::int64_t number(const LayerSpec& spec, const std::string& key, std::int64_t otherwise) {
    const auto found = spec.numbers.find(key);
    return found == spec.numbers.end() ? otherwise : found->second;
  }

  onnx::NodeProto& last_node() { return *graph_.mutable_node(graph_.node_size() - 1); }

  std::string add_node(const std::string& operation, const std::string& type, const std::vector<std::string>& inputs) {
    const std::string output = fmt::format("{}.{}", graph_.node_size() + 1, type);
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(operation);
    node.set_name(output);
    for (const std::string& input : inputs) {
      node.add_input(input);
    }
    node.add_output(output);
    return output;
  }

  static void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }
  static void set(onnx::NodeProto& node, const std::string& name, const Integers& values) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) {
      attribute.add_ints(value);
    }
  }

  std::string constant(const std::string& name, double value) {
    const std::string full_name = "constant." + name;
    for (const onnx::TensorProto& there : graph_.initializer()) {
      if (there.name() == full_name) {
        return full_name;
      }
    }
    set_values(*graph_.add_initializer(), full_name, at::scalar_tensor(value, at::kFloat));
    return full_name;
  }

  /// Writes the next parameter: the network lists them in the order in which its layers are written down.
  std::string add_parameter() {
    const Parameter& parameter = *parameters_[next_parameter_++];
    const at::Tensor value = parameter.file_value();
    if (sparse_ && parameter.mask.defined() && kSparseEntryBytes * parameter.kept() < 4 * value.numel()) {
      const at::Tensor places = parameter.kept_places().to(at::kCPU);
      onnx::SparseTensorProto& proto = *graph_.add_sparse_initializer();
      set_values(*proto.mutable_values(), parameter.name, value.flatten().index_select(0, places));
      set_values(*proto.mutable_indices(), parameter.name + "_places", places);
      for (const std::int64_t size : parameter.shape) {
        proto.add_dims(size);
      }
    } else {
      set_values(*graph_.add_initializer(), parameter.name, value);
    }
    return parameter.name;
  }

  onnx::GraphProto& graph_;
  const std::vector<const Parameter*>& parameters_;
  std::size_t next_parameter_ = 0;
  bool sparse_;
};

/// A float tensor [batch, shape...].
void declare(onnx::ValueInfoProto& value, const char* name, const Shape& shape) {
  value.set_name(name);
  onnx::TypeProto_Tensor& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const std::int64_t size : shape) {
    type.mutable_shape()->add_dim()->set_dim_value(size);
  }
}

void add_metadata(onnx::ModelProto& model, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    if (key != "format") {  // of safetensors
      onnx::StringStringEntryProto& entry = *model.add_metadata_props();
      entry.set_key(key);
      entry.set_value(value);
    }
  }
}

}  // namespace

void write_onnx(const std::filesystem::path& path, const NetworkFile& file, bool sparse) {
  const NetworkSpec& spec = file.network.spec();
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("ntt");
  model.set_producer_version(NTT_VERSION);
  model.add_opset_import()->set_version(kOpset);
  add_metadata(model, file.metadata);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name(spec.name);
  declare(*graph.add_input(), kInput, spec.input);
  GraphWriter(graph, file.network, sparse).sequence(spec.layers, kInput);
  graph.mutable_node(graph.node_size() - 1)->set_output(0, kOutput);
  declare(*graph.add_output(), kOutput, {file.network.outputs()});
  if (model.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail_input("{}: the model takes {} bytes, more than the 2 GiB that an ONNX file holds", path.string(),
               model.ByteSizeLong());
  }
  write_file_atomically(path, model.SerializeAsString());
}

}  // namespace ntt
