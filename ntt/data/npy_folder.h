#pragma once

#include <filesystem>

#include "ntt/core/api.h"
#include "ntt/data/dataset.h"

namespace ntt {

/// Reads a data set of the user's own: train-images.npy, train-labels.npy, test-images.npy and test-labels.npy.
///
/// Images are uint8, float32 or float64, [N,F] (as [N,F,1,1]), [N,H,W] (as [N,1,H,W]) or [N,C,H,W]; labels are
/// integers [N] from 0 on, and the largest in the training set says how many classes there are.
NTT_API Dataset read_npy_folder(const std::filesystem::path& folder);

}  // namespace ntt
