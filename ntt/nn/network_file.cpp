#include "ntt/nn/network_file.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"

namespace ntt {
namespace {

constexpr const char* kArchitecture = "architecture";
constexpr const char* kDensity = "density";

at::Tensor checked(const TensorFile& file, const std::string& name, at::ScalarType dtype, const Shape& shape) {
  at::Tensor tensor = file.at(name);
  if (tensor.scalar_type() != dtype || tensor.sizes() != at::IntArrayRef(shape)) {
    fail_input("{}: '{}' must be {} of shape {}, but is {} of shape {}", file.origin, name, c10::toString(dtype),
               to_string(shape), c10::toString(tensor.scalar_type()), to_string(tensor.sizes().vec()));
  }
  return tensor;
}

void fill(Parameter& parameter, const TensorFile& file) {
  parameter.assign(checked(file, parameter.name, at::kFloat, parameter.shape));
  if (!at::isfinite(parameter.value).all().item<bool>()) {
    fail_input("{}: '{}' holds a NaN or an infinity", file.origin, parameter.name);
  }
  const std::string mask_name = parameter.name + "_mask";
  at::Tensor mask;
  if (file.contains(mask_name)) {
    if (!parameter.prunable) {
      fail_input("{}: '{}' masks a bias, but biases are never pruned", file.origin, mask_name);
    }
    const at::Tensor stored = checked(file, mask_name, at::kByte, parameter.shape);
    if ((stored > 1).any().item<bool>()) {
      fail_input("{}: '{}' must hold 0 and 1 alone", file.origin, mask_name);
    }
    mask = stored.to(at::kFloat);
    if (parameter.value.masked_select(stored.eq(0)).any().item<bool>()) {
      fail_input("{}: '{}' is not 0 where '{}' prunes it", file.origin, parameter.name, mask_name);
    }
  }
  parameter.set_mask(mask);
}

/// The value with pruned entries exactly 0: masked negative ones are -0.
at::Tensor pruned_value(const Parameter& parameter) {
  const at::Tensor value =
      parameter.mask.defined() ? parameter.effective.masked_fill(parameter.mask.eq(0), 0) : parameter.effective;
  return value.to(at::kCPU, at::kFloat);
}

Network build(const TensorFile& file, const std::string& architecture) {
  NetworkSpec spec = parse_network_toml(architecture, file.origin);
  try {
    return Network(std::move(spec));
  } catch (const InputError& error) {
    fail_input("{}: {}", file.origin, error.what());
  }
}

}  // namespace

void write_network(const std::filesystem::path& path, const Network& network,
                   const std::map<std::string, std::string>& metadata) {
  TensorFile file;
  file.metadata = metadata;
  file.metadata["format"] = "pt";
  file.metadata[kArchitecture] = to_toml(network.spec());
  file.metadata[kDensity] = fmt::format("{}", network.density());
  for (const Parameter* parameter : network.parameters()) {
    file.tensors.emplace_back(parameter->name, pruned_value(*parameter));
    if (parameter->mask.defined()) {
      file.tensors.emplace_back(parameter->name + "_mask", parameter->mask.to(at::kCPU, at::kByte));
    }
  }
  write_safetensors(path, file);
}

NetworkFile read_network(const std::filesystem::path& path) {
  const std::filesystem::path file_path =
      std::filesystem::is_directory(path) ? RunFolder(path).file(kNetworkFile) : path;
  const TensorFile file = read_safetensors(file_path);
  const auto architecture = file.metadata.find(kArchitecture);
  if (architecture == file.metadata.end()) {
    fail_input("{}: its metadata has no '{}'; it was not written by ntt", file.origin, kArchitecture);
  }
  Network network = build(file, architecture->second);
  for (Parameter* parameter : network.parameters()) {
    fill(*parameter, file);
  }
  return {std::move(network), file.metadata};
}

}  // namespace ntt
