#pragma once

#include "ntt/sparse/plan.h"

namespace ntt {

/// Marks the input channels that a layer's read rows read.
void mark_read_channels(const SparseLayer& layer, const std::vector<char>& rows_read, PlanBuffer& input);
/// The same feature by feature, for a network's input; `positions` is the number of places of each channel.
void mark_read_features(const SparseLayer& layer, const std::vector<char>& rows_read, std::int64_t positions,
                        std::vector<char>& features);

/// Gives the output's gradient the halo that the input gradient reads, or a convolution with stride a spread-out copy.
void choose_gradient_layout(SparseLayer& layer, const PlanBuffer& input, PlanBuffer& output);

/// Builds the rows for the forward product and the weight gradient. To answer, rows without entries are constants.
void index_forward(SparseLayer& layer, const PlanBuffer& input, const PlanBuffer& output, PlanFor purpose);
/// Builds the rows for the input gradient: the transposed matrix.
void index_backward(SparseLayer& layer, const PlanBuffer& input, const PlanBuffer& output);

}  // namespace ntt
