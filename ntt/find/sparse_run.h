#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

#include "ntt/nn/network_file.h"
#include "ntt/prune/ablation.h"

namespace ntt {

/// What the run folder of a sparse network holds of it.
struct SparseRun {
  std::filesystem::path folder;
  Network teacher;  ///< the dense network that the sparse one was made of
  NetworkFile sparse;
};

/// Reads the folder of `ntt transfer`, `ntt prune` or `ntt ablate`; InputError where it does not hold both networks.
SparseRun read_sparse_run(const std::filesystem::path& folder);

/// The sparse network after a sanity check (ntt/prune/ablation.h). Weights are redrawn as the run drew them.
Network ablated(const SparseRun& run, Ablation what, std::uint64_t seed);

/// The run's search once more, keeping the weights that it would prune first; loads its data set, onto the device.
/// InputError where the method has no scores.
Network inverted(const SparseRun& run, at::Device device);

}  // namespace ntt
