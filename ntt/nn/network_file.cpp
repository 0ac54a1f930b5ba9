#include "ntt/nn/network_file.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/models/network_toml.h"
#include "ntt/nn/compact.h"
#include "ntt/onnx/reader.h"

namespace ntt {
namespace {

constexpr const char* kArchitecture = "architecture";
constexpr const char* kDensity = "density";
constexpr const char* kCompact = "compact";

/// The tensor of that name, float32; weights may be of half the size.
at::Tensor read_values(const TensorFile& file, const Parameter& parameter, const std::string& name,
                       const Shape& shape) {
  const at::Tensor tensor = file.at(name);
  const at::ScalarType dtype = tensor.scalar_type();
  const bool half = parameter.role == Role::weight && (dtype == at::kHalf || dtype == at::kBFloat16);
  if ((dtype != at::kFloat && !half) || tensor.sizes() != at::IntArrayRef(shape)) {
    fail_input("{}: '{}' must be Float{} of shape {}, but is {} of shape {}", file.origin, name,
               parameter.role == Role::weight ? ", Half or BFloat16" : "", to_string(shape), c10::toString(dtype),
               to_string(tensor.sizes().vec()));
  }
  at::Tensor values = tensor.to(at::kFloat);
  if (!at::isfinite(values).all().item<bool>()) {
    fail_input("{}: '{}' holds a NaN or an infinity", file.origin, name);
  }
  return values;
}

at::Tensor read_mask(const TensorFile& file, const std::string& name, const Shape& shape) {
  const at::Tensor mask = file.at(name);
  if (mask.scalar_type() != at::kByte || mask.sizes() != at::IntArrayRef(shape)) {
    fail_input("{}: '{}' must be Byte of shape {}, but is {} of shape {}", file.origin, name, to_string(shape),
               c10::toString(mask.scalar_type()), to_string(mask.sizes().vec()));
  }
  if ((mask > 1).any().item<bool>()) {
    fail_input("{}: '{}' must hold 0 and 1 only", file.origin, name);
  }
  return mask;
}

void fill(Parameter& parameter, const TensorFile& file) {
  parameter.assign(read_values(file, parameter, parameter.name, parameter.shape));
  const std::string mask_name = parameter.name + "_mask";
  at::Tensor mask;
  if (file.contains(mask_name)) {
    if (parameter.role != Role::weight) {
      fail_input("{}: '{}' masks a {}, but only weights are pruned", file.origin, mask_name, to_string(parameter.role));
    }
    const at::Tensor stored = read_mask(file, mask_name, parameter.shape);
    mask = stored.to(at::kFloat);
    if (parameter.value.masked_select(stored.eq(0)).any().item<bool>()) {
      fail_input("{}: '{}' is not 0 where '{}' prunes it", file.origin, parameter.name, mask_name);
    }
  }
  parameter.set_mask(mask);
}

std::string values_name(const std::string& weight) {
  return weight + "_values";
}
std::string places_name(const std::string& weight) {
  return weight + "_places";
}

void fill_compact(Parameter& parameter, const CompactWeight& compact, const TensorFile& file) {
  if (compact.shape != parameter.shape) {
    fail_input("{}: '{}' has shape {} in the metadata's '{}', but its network needs {}", file.origin, parameter.name,
               to_string(compact.shape), kCompact, to_string(parameter.shape));
  }
  for (const std::string& name : {parameter.name, parameter.name + "_mask"}) {
    if (file.contains(name)) {
      fail_input("{}: '{}' is there in compact form and as '{}'; it must be one of them", file.origin, parameter.name,
                 name);
    }
  }
  const std::int64_t entries = c10::multiply_integers(parameter.shape);
  const std::string name = places_name(parameter.name);
  const at::Tensor places =
      decode_places({compact.coding, file.at(name)}, entries, fmt::format("{}: '{}'", file.origin, name));
  const at::Tensor values = file.at(values_name(parameter.name));
  if (values.dim() == 1 && values.size(0) != places.size(0)) {
    fail_input("{}: '{}' holds {} values for the {} kept entries of '{}'", file.origin, values_name(parameter.name),
               values.size(0), places.size(0), name);
  }
  const at::Tensor kept = read_values(file, parameter, values_name(parameter.name), {places.size(0)});
  parameter.assign(at::zeros({entries}).index_copy_(0, places, kept).view(parameter.shape));
  parameter.set_mask(at::zeros({entries}).index_fill_(0, places, 1).view(parameter.shape));
}

/// The weights in compact form; none in a file that says nothing of it.
CompactWeights compact_weights(const TensorFile& file, const Network& network) {
  const auto text = file.metadata.find(kCompact);
  if (text == file.metadata.end()) {
    return {};
  }
  CompactWeights weights =
      parse_compact_weights(text->second, fmt::format("{}: its metadata's '{}'", file.origin, kCompact));
  for (const auto& [name, weight] : weights) {
    const auto& all = network.parameters();
    if (std::none_of(all.begin(), all.end(), [&, &key = name](const Parameter* parameter) {
          return parameter->role == Role::weight && parameter->name == key;
        })) {
      fail_input("{}: its metadata's '{}' names '{}', which is no weight of its network", file.origin, kCompact, name);
    }
  }
  return weights;
}

Network build(const TensorFile& file, const std::string& architecture) {
  Graph graph = parse_network_toml(architecture, file.origin);
  try {
    return Network(std::move(graph));
  } catch (const InputError& error) {
    fail_input("{}: {}", file.origin, error.what());
  }
}

/// Values in the type that they are stored in.
at::Tensor as_stored(const at::Tensor& values, at::ScalarType dtype, const std::string& name) {
  const at::Tensor stored = values.to(dtype);
  if (!at::isfinite(stored).all().item<bool>()) {
    fail_input("'{}' holds values up to {:.3g}, which {} cannot hold; store it in float32", name,
               values.abs().max().item<double>(), c10::toString(dtype));
  }
  return stored;
}

void add_dense(TensorFile& file, const Parameter& parameter, at::ScalarType dtype) {
  file.tensors.emplace_back(parameter.name, as_stored(parameter.file_value(), dtype, parameter.name));
  if (parameter.pattern) {
    file.tensors.emplace_back(parameter.name + "_mask", parameter.mask().to(at::kCPU, at::kByte));
  }
}

CompactWeight add_compact(TensorFile& file, const Parameter& weight, at::ScalarType dtype) {
  const at::Tensor places = weight.kept_indices().to(at::kCPU);
  const at::Tensor kept = weight.file_value().flatten().index_select(0, places);
  const CodedPlaces coded = encode_places(places, weight.value.numel());
  file.tensors.emplace_back(values_name(weight.name), as_stored(kept, dtype, weight.name));
  file.tensors.emplace_back(places_name(weight.name), coded.bytes);
  return {coded.coding, weight.shape};
}

}  // namespace

void write_network(const std::filesystem::path& path, const Network& network,
                   const std::map<std::string, std::string>& metadata, NetworkForm form) {
  TensorFile file;
  file.metadata = metadata;
  file.metadata["format"] = "pt";
  file.metadata[kArchitecture] = to_toml(network.graph());
  file.metadata[kDensity] = fmt::format("{}", network.density());
  file.metadata.erase(kCompact);
  parse_data_format(metadata, network.graph(), path.string());  // what could not be read back is not written
  CompactWeights compact;
  for (const auto& parameter : network.all_parameters()) {
    const at::ScalarType dtype = parameter->role == Role::weight ? form.weights : at::kFloat;
    if (form.compact && parameter->pattern) {
      compact.emplace(parameter->name, add_compact(file, *parameter, dtype));
    } else {
      add_dense(file, *parameter, dtype);
    }
  }
  if (!compact.empty()) {
    file.metadata[kCompact] = to_json(compact);
  }
  write_safetensors(path, file);
}

namespace {

NetworkFile from_onnx(const std::filesystem::path& path) {
  OnnxModel model = read_onnx(path);
  Network network(std::move(model.graph));
  for (const auto& parameter : network.all_parameters()) {
    parameter->assign(model.values.at(parameter->name));
  }
  mask_zeros(network);
  model.metadata.emplace("model", network.graph().name);
  DataFormat format;
  if (model.producer.starts_with("ntt ")) {  // others may mean something else by these names
    format = parse_data_format(model.metadata, network.graph(), path.string());
  }
  return {std::move(network), std::move(model.metadata), std::move(format), std::move(model.warnings)};
}

}  // namespace

void mask_zeros(Network& network) {
  for (Parameter* parameter : network.parameters()) {
    if (parameter->role == Role::weight && !parameter->pattern) {
      const at::Tensor kept = parameter->value.ne(0);
      if (!kept.all().item<bool>()) {
        parameter->set_mask(kept.to(parameter->value.scalar_type()));
      }
    }
  }
}

NetworkFile read_network(const std::filesystem::path& path) {
  if (path.extension() == ".onnx" && !std::filesystem::is_directory(path)) {
    return from_onnx(path);
  }
  const std::filesystem::path file_path =
      std::filesystem::is_directory(path) ? RunFolder(path).file(kNetworkFile) : path;
  TensorFile file = read_safetensors(file_path);
  const auto architecture = file.metadata.find(kArchitecture);
  if (architecture == file.metadata.end()) {
    fail_input("{}: its metadata has no '{}'; it was not written by ntt", file.origin, kArchitecture);
  }
  Network network = build(file, architecture->second);
  const CompactWeights compact = compact_weights(file, network);
  for (const auto& parameter : network.all_parameters()) {
    const auto found = compact.find(parameter->name);
    if (found != compact.end()) {
      fill_compact(*parameter, found->second, file);
    } else {
      fill(*parameter, file);
    }
  }
  file.metadata.erase(kCompact);
  DataFormat format = parse_data_format(file.metadata, network.graph(), file.origin);
  return {std::move(network), std::move(file.metadata), std::move(format), {}};
}

}  // namespace ntt
