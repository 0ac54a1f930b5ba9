#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ntt/data/catalogue.h"

namespace ntt {

/// What became of checking one file.
struct FileCheck {
  std::string name;
  bool present = false;
  bool good = false;
  std::string verdict;  ///< one phrase, such as "as published" or "missing"
};

/// Checks a file of a known data set in `folder`: by the published checksum of its content where there is one (a gzip
/// file that was compressed anew passes), else by its length.
FileCheck check_file(const KnownDataset& known, const std::filesystem::path& folder, const std::string& name);

/// check_file for each file that the data set's reader wants.
std::vector<FileCheck> check_files(const KnownDataset& known, const std::filesystem::path& folder);

}  // namespace ntt
