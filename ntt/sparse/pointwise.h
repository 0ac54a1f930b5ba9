#pragma once

#include <cstdint>

#include "ntt/sparse/block_layout.h"

namespace ntt {

/// A block of values and how it lies.
struct ConstBlock {
  const float* data = nullptr;
  const BlockLayout* layout = nullptr;
};

/// A block that a gradient is written to. Where the values that it belongs to passed a fused ReLU, the gradient counts
/// only where they are above 0.
struct GradientBlock {
  float* data = nullptr;
  const BlockLayout* layout = nullptr;
  ConstBlock gate;  ///< those values; without data, everything counts
  bool accumulate = false;
};

/// Square windows without padding.
struct PoolWindows {
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
};

enum class Pointwise { relu, tanh, gelu };

/// Each works on one block; `output` lies as `layout` says, and `rectify` is a fused ReLU.
void block_max_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                    bool rectify);
void block_average_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                        bool rectify);
void block_pointwise(Pointwise function, const ConstBlock& input, const BlockLayout& layout, float* output);
void block_add(const ConstBlock& a, const ConstBlock& b, const BlockLayout& layout, float* output, bool rectify);

/// Their transposed derivatives: from the gradient by the output to that by the input. Max-pooling sends it to the
/// first of equal maxima, as PyTorch does. Windows that overlap need `accumulate`.
void block_max_pool_gradient(const PoolWindows& windows, const ConstBlock& input, const ConstBlock& cotangent,
                             const GradientBlock& gradient);
void block_average_pool_gradient(const PoolWindows& windows, const ConstBlock& cotangent,
                                 const GradientBlock& gradient);
void block_pointwise_gradient(Pointwise function, const ConstBlock& input, const ConstBlock& cotangent,
                              const GradientBlock& gradient);
void block_add_gradient(const ConstBlock& cotangent, const GradientBlock& gradient);

/// Spreads a gradient [c, h, w] over [c, (h-1) stride + 1, (w-1) stride + 1] with zeros between, which must be there
/// already: a strided convolution's input gradient then reads it as that of a convolution without stride.
void block_dilate(const ConstBlock& gradient, std::int64_t stride, const BlockLayout& layout, float* output);

}  // namespace ntt
