#include "ntt/onnx/writer.h"

#include <ATen/ATen.h>
#include <onnx/onnx_pb.h>

#include <limits>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/onnx/graph_writer.h"
#include "ntt/version.h"

namespace ntt {
namespace {

constexpr int kIrVersion = 8;
constexpr const char* kOutput = "output";

/// Bytes of a sparse initialiser's entry: a float and an int64.
constexpr std::int64_t kSparseEntryBytes = 12;

void add_parameter(onnx::GraphProto& graph, const Parameter& parameter, bool sparse) {
  const at::Tensor value = parameter.file_value();
  if (!sparse || !parameter.pattern || kSparseEntryBytes * parameter.kept() >= 4 * value.numel()) {
    onnx_export::set_tensor(*graph.add_initializer(), parameter.name, value);
    return;
  }
  const at::Tensor indices = parameter.kept_indices().to(at::kCPU);
  onnx::SparseTensorProto& proto = *graph.add_sparse_initializer();
  onnx_export::set_tensor(*proto.mutable_values(), parameter.name, value.flatten().index_select(0, indices));
  onnx_export::set_tensor(*proto.mutable_indices(), parameter.name + "_places", indices);
  for (const std::int64_t size : parameter.shape) {
    proto.add_dims(size);
  }
}

/// A float tensor [batch, shape...].
void declare(onnx::ValueInfoProto& value, const std::string& name, const Shape& shape) {
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

void write_onnx(const std::filesystem::path& path, const Graph& network,
                const std::vector<std::unique_ptr<Parameter>>& parameters,
                const std::map<std::string, std::string>& metadata, bool sparse) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("ntt");
  model.set_producer_version(NTT_VERSION);
  model.add_opset_import()->set_version(onnx_export::kOpset);
  add_metadata(model, metadata);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name(network.name);
  for (const auto& parameter : parameters) {
    add_parameter(graph, *parameter, sparse);
  }
  declare(*graph.add_input(), network.values[network.input].name, network.input_shape());
  onnx_export::GraphWriter(graph, network).write(kOutput);
  declare(*graph.add_output(), kOutput, network.output_shape());
  if (model.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail_input("{}: the model takes {} bytes, more than the 2 GiB that an ONNX file holds", path.string(),
               model.ByteSizeLong());
  }
  write_file_atomically(path, model.SerializeAsString());
}

}  // namespace ntt
