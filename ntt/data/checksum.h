#pragma once

#include <filesystem>
#include <string>

namespace ntt {

/// SHA-256 of a file's bytes, as 64 lower-case hexadecimal digits.
std::string sha256_of_file(const std::filesystem::path& path);

/// SHA-256 of a file's content: decompressed first where the file is gzip.
std::string sha256_of_content(const std::filesystem::path& path);

}  // namespace ntt
