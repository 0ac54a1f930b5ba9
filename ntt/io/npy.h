#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// Reads a NumPy file (versions 1.0, 2.0 and 3.0; C or Fortran order) into a contiguous tensor on the CPU.
///
/// Element types: bool, uint8, int32, int64, float32, float64, little-endian. Anything else, and a file whose length
/// is not what its header says, is an InputError that names the file.
NTT_API at::Tensor read_npy(const std::filesystem::path& path);

/// Writes a tensor of one of read_npy's types, of any shape and device, under a temporary name and renames it.
NTT_API void write_npy(const std::filesystem::path& path, const at::Tensor& tensor);

/// The bytes of the file that write_npy writes.
std::string npy_bytes(const at::Tensor& tensor);

/// Writes a .npy file block by block, for arrays larger than memory.
///
/// The file appears under its name only with finish(); a writer destroyed before that leaves nothing behind.
class NTT_API NpyWriter {
 public:
  NpyWriter(std::filesystem::path path, at::ScalarType dtype, std::vector<std::int64_t> shape);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  /// Writes the elements of `block` (any shape, the writer's type) from element `offset_elements` of the flat array on.
  void write_block(std::int64_t offset_elements, const at::Tensor& block);
  /// Gives the file its name; as many elements as the shape holds must have been written.
  void finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  at::ScalarType dtype_;
  std::int64_t elements_;
  std::int64_t written_ = 0;
  std::int64_t data_offset_ = 0;
  int descriptor_ = -1;
};

}  // namespace ntt
