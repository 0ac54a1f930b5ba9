#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

using NamedArrays = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes arrays of write_npy's element types as numpy.savez does: a zip file without compression, with NAME.npy for
/// each. Equal arrays give equal bytes. Atomic; RunError if the disk refuses.
NTT_API void write_npz(const std::filesystem::path& path, const NamedArrays& arrays);

}  // namespace ntt
