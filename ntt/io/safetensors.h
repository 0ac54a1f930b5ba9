#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// Named tensors and text metadata: the content of one safetensors file.
struct NTT_API TensorFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  ///< In the header's order, on the CPU when read.
  std::map<std::string, std::string> metadata;
  std::string origin;  ///< The file read from, for messages; empty when made in memory.

  /// The tensor of that name; InputError naming the file and the tensor if there is none.
  [[nodiscard]] const at::Tensor& at(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const;
};

/// Reads a safetensors file, checking all that the format promises; InputError naming the file and the fault.
/// Takes F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL.
NTT_API TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes the tensors (on any device) and the metadata atomically; RunError if the disk refuses. The header keeps the
/// order of `file.tensors`; the data lies by falling element size, so that every tensor is aligned to its own.
NTT_API void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace ntt
