#pragma once

#include <filesystem>

#include "ntt/data/dataset.h"

namespace ntt {

/// Reads one of SVHN's cropped-digit files (MATLAB 5): X, uint8 [H,W,C,N], and y, N labels of which 10 means digit 0.
LabelledImages read_svhn_file(const std::filesystem::path& path);

/// Reads train_32x32.mat and test_32x32.mat.
Dataset read_svhn(const std::filesystem::path& folder);

}  // namespace ntt
