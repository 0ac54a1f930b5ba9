#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

namespace ntt {

/// Reads an IDX file of bytes (MNIST's format), plain or gzip, as uint8 of the file's own shape.
///
/// `rank` is the number of dimensions that the file must have: 3 for images, 1 for labels. A file that is cut off,
/// too long, damaged or of another kind is an InputError that names it.
at::Tensor read_idx(const std::filesystem::path& path, std::int64_t rank);

}  // namespace ntt
