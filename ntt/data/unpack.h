#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ntt {

/// Takes the regular files called `names` out of an archive (any that libarchive reads) and puts them into `folder`.
///
/// Nothing else is unpacked and no path of the archive is used, so it cannot write anywhere else. Each file is written
/// under a temporary name and renamed. An archive that is damaged or lacks a file is an InputError.
void unpack_files(const std::filesystem::path& archive, const std::filesystem::path& folder,
                  const std::vector<std::string>& names);

}  // namespace ntt
