#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ntt/core/convolution.h"

namespace ntt {

/// Odd sizes, oblong kernels, strides that leave a rest, padding beyond the kernel, rows longer and shorter than a
/// vector: {channels, height, width, kernel_height, kernel_width, stride, padding}.
inline const std::vector<ConvGeometry> kConvGeometries{
    {1, 1, 1, 1, 1, 1, 0},    // one pixel
    {3, 5, 7, 1, 1, 1, 0},    // pointwise: the image is its patch matrix
    {3, 5, 7, 1, 1, 2, 0},    // nearly pointwise
    {2, 4, 4, 1, 1, 1, 1},    // pointwise with padding
    {2, 6, 5, 3, 3, 1, 0},    // the usual
    {2, 6, 5, 3, 3, 1, 1},    // of the same size
    {1, 7, 9, 3, 2, 2, 1},    // a rest at the far sides
    {2, 5, 6, 2, 3, 3, 2},    // oblong kernel
    {3, 4, 5, 4, 5, 1, 0},    // one position
    {2, 4, 3, 5, 5, 1, 2},    // kernel beyond the image
    {1, 3, 3, 2, 2, 1, 4},    // whole patch rows in the padding
    {1, 2, 2, 2, 2, 5, 3},    // stride beyond the kernel
    {1, 9, 40, 3, 5, 1, 0},   // rows of more than two vectors
    {2, 5, 20, 2, 5, 1, 0},   // rows of exactly one vector
    {2, 5, 33, 3, 2, 1, 3},   // two vectors and padding
    {3, 18, 17, 5, 5, 2, 2},  // larger
};

inline std::string describe(const ConvGeometry& g) {
  return fmt::format("{}_{}_{}_{}_{}_{}_{}", g.channels, g.height, g.width, g.kernel_height, g.kernel_width, g.stride,
                     g.padding);
}

/// Patch matrices [n, patch, positions] by plain loops, in double.
inline at::Tensor plain_patches(const ConvGeometry& g, const at::Tensor& images) {
  const at::Tensor doubles = images.to(at::kDouble);
  const auto x = doubles.accessor<double, 4>();
  at::Tensor result = at::zeros({images.size(0), g.patch(), g.positions()}, at::kDouble);
  auto patches = result.accessor<double, 3>();
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    for (std::int64_t row = 0; row < g.patch(); ++row) {
      const std::int64_t channel = row / (g.kernel_height * g.kernel_width);
      const std::int64_t ky = row / g.kernel_width % g.kernel_height;
      const std::int64_t kx = row % g.kernel_width;
      for (std::int64_t position = 0; position < g.positions(); ++position) {
        const std::int64_t y = position / g.out_width() * g.stride + ky - g.padding;
        const std::int64_t z = position % g.out_width() * g.stride + kx - g.padding;
        if (y >= 0 && y < g.height && z >= 0 && z < g.width) {
          patches[n][row][position] = x[n][channel][y][z];
        }
      }
    }
  }
  return result;
}

/// The transpose of plain_patches.
inline at::Tensor plain_fold(const ConvGeometry& g, const at::Tensor& patches) {
  // Each entry of a patch matrix is an entry of the image, or padding: fold their places.
  const at::Tensor places = at::arange(1, g.channels * g.height * g.width + 1, at::kDouble);
  const at::Tensor targets = plain_patches(g, places.view({1, g.channels, g.height, g.width})).flatten().to(at::kLong);
  at::Tensor images = at::zeros({patches.size(0), places.numel() + 1}, at::kDouble);
  images.index_add_(1, targets, patches.to(at::kDouble).flatten(1));
  return images.narrow(1, 1, places.numel()).reshape({patches.size(0), g.channels, g.height, g.width});
}

}  // namespace ntt
