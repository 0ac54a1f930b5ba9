#include "ntt/onnx/external_data.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "ntt/core/error.h"

namespace ntt::onnx_import {
namespace {

/// Where a tensor's bytes lie.
struct Location {
  std::string path;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

std::uint64_t number(const std::string& tensor, const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail_input("the {} of the external data of '{}' is '{}', not a number of bytes", key, tensor, text);
  }
  return value;
}

Location location_of(const ::onnx::TensorProto& tensor) {
  Location location;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      location.path = entry.value();
    } else if (entry.key() == "offset") {
      location.offset = number(tensor.name(), entry.key(), entry.value());
    } else if (entry.key() == "length") {
      location.length = number(tensor.name(), entry.key(), entry.value());
    }
  }
  return location;
}

/// The file, with every link resolved: a model must not make a program read, and write elsewhere, what is not its own.
std::filesystem::path file_in(const std::filesystem::path& folder, const std::string& tensor, const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path relative(path);
  if (path.empty() || path.find('\0') != std::string::npos || relative.is_absolute() ||
      std::ranges::find(relative, fs::path("..")) != relative.end()) {
    fail_input("the external data of '{}' lie in '{}', which is not a path inside the model's folder", tensor, path);
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path file = error ? fs::path() : fs::canonical(root / relative, error);
  if (error || !fs::is_regular_file(file, error)) {
    fail_input("the external data of '{}' should lie in '{}' beside the model, which is not there", tensor, path);
  }
  if (std::mismatch(root.begin(), root.end(), file.begin(), file.end()).first != root.end()) {
    fail_input("the external data of '{}' lie in '{}', a link that leads out of the model's folder", tensor, path);
  }
  return file;
}

}  // namespace

at::Tensor read_external_data(const ::onnx::TensorProto& tensor, const std::vector<std::int64_t>& shape,
                              at::ScalarType type, const std::filesystem::path& folder) {
  const Location location = location_of(tensor);
  const std::filesystem::path file = file_in(folder, tensor.name(), location.path);
  std::uint64_t bytes = c10::elementSize(type);
  for (const std::int64_t side : shape) {
    bytes *= static_cast<std::uint64_t>(side);
  }
  if (location.length && *location.length != bytes) {
    fail_input("the external data of '{}' have {} bytes, but its shape needs {}", tensor.name(), *location.length,
               bytes);
  }
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error || location.offset > size || bytes > size - location.offset) {
    fail_input("the external data of '{}' end at byte {} of '{}', which has {} bytes", tensor.name(),
               location.offset + bytes, location.path, size);
  }
  const at::Tensor values = at::empty(shape, type);
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(location.offset));
  stream.read(static_cast<char*>(values.data_ptr()), static_cast<std::streamsize>(bytes));
  if (!stream) {
    fail_input("cannot read the external data of '{}' from '{}'", tensor.name(), location.path);
  }
  return values;
}

}  // namespace ntt::onnx_import
