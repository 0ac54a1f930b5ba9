#pragma once

#include <filesystem>

#include "ntt/data/dataset.h"

namespace ntt {

/// Reads train.bin and test.bin of CIFAR-100's binary version with the fine labels, whose names are those of
/// fine_label_names.txt where it is there. Each file may hold a part of its records; the note then says how many.
Dataset read_cifar100(const std::filesystem::path& folder);

}  // namespace ntt
