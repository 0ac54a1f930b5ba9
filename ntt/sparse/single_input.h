#pragma once

#include "ntt/sparse/pointwise.h"
#include "ntt/sparse/product.h"

namespace ntt {

/// The forward steps on a block of one input, whose positions lie side by side: registers then hold neighbouring
/// positions of a convolution's output, or several inputs of a linear layer's sum.
void single_product(const SparseProduct& product);
void single_max_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                     bool rectify);
void single_average_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                         bool rectify);
void single_add(const ConstBlock& a, const ConstBlock& b, const BlockLayout& layout, float* output, bool rectify);

}  // namespace ntt
