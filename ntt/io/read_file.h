#pragma once

#include <filesystem>
#include <string>

namespace ntt {

/// The whole content of a file; InputError naming it if it is missing, a folder or unreadable.
std::string read_file(const std::filesystem::path& path);

}  // namespace ntt
