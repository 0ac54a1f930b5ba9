#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "ntt/data/dataset.h"

namespace ntt {

/// How a record of CIFAR's binary versions begins, before its 3x32x32 pixels.
struct CifarLayout {
  std::string name;     ///< of the data set, for messages
  std::int64_t labels;  ///< label bytes of a record; the last one is the class
  std::int64_t classes;
};

/// Reads one file of records; InputError naming the file and what is wrong with it.
LabelledImages read_cifar_records(const std::filesystem::path& path, const CifarLayout& layout);

}  // namespace ntt
