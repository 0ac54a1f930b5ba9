#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "ntt/core/api.h"
#include "ntt/nn/sweeps.h"

namespace ntt {

/// Whether a network has batch norm, and so running statistics.
NTT_API bool has_batch_norm(const Graph& graph);

/// Takes the batch's mean and variance at every batch norm into the running ones: running += momentum · (batch -
/// running), with each node's momentum (0.1 unless it says otherwise), as PyTorch does, or with this one. A channel
/// that is the same everywhere, as one without weights, has nothing to normalise and keeps its running variance. The
/// tape is one that forward has filled.
void update_running_statistics(Network& network, const Tape& tape, std::optional<double> momentum = std::nullopt);

/// Sets the running statistics to those of inputs [N, ...], layer by layer in one pass over batches, each normalised by
/// the statistics of its own: the mean over batches of mean and variance. Nothing to do without batch norm.
NTT_API void calibrate_statistics(Network& network, const at::Tensor& inputs, std::int64_t batch_size = 256);

}  // namespace ntt
