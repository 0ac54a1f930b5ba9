#pragma once

#include <filesystem>

#include "ntt/data/dataset.h"

namespace ntt {

/// Reads one file of CIFAR-10's binary version: records of a label byte and 3x32x32 pixels.
LabelledImages read_cifar10_batch(const std::filesystem::path& path);

/// Reads those of data_batch_1.bin ... data_batch_5.bin that are in `folder`, and test_batch.bin; the note says how
/// many training batches there were.
Dataset read_cifar10(const std::filesystem::path& folder);

}  // namespace ntt
