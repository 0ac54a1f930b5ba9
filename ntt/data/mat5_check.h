#pragma once

#include <cstdint>
#include <filesystem>

namespace ntt {

/// Walks the elements of a MATLAB 5 file, decompressing each to check it, and returns how many bytes they decode to.
///
/// libmatio trusts sizes and reads past damage; this finds a file that is cut off, damaged, or no such file, and fails
/// with an InputError that names it.
std::uint64_t check_mat5(const std::filesystem::path& path);

}  // namespace ntt
