#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ntt/core/convolution.h"

namespace ntt {

/// A square stride and the same padding on all sides.
inline ConvGeometry simple_geometry(std::int64_t channels, std::int64_t height, std::int64_t width,
                                    std::int64_t kernel_height, std::int64_t kernel_width, std::int64_t stride,
                                    std::int64_t padding) {
  return {.channels = channels,
          .height = height,
          .width = width,
          .kernel_height = kernel_height,
          .kernel_width = kernel_width,
          .stride_height = stride,
          .stride_width = stride,
          .pad_top = padding,
          .pad_left = padding,
          .pad_bottom = padding,
          .pad_right = padding};
}

/// Odd sizes, oblong kernels, strides that leave a rest, padding beyond the kernel, rows longer and shorter than a
/// vector: channels, height, width, kernel_height, kernel_width, stride, padding.
inline const std::vector<ConvGeometry> kSimpleGeometries{
    simple_geometry(1, 1, 1, 1, 1, 1, 0),    // one pixel
    simple_geometry(3, 5, 7, 1, 1, 1, 0),    // pointwise: the image is its patch matrix
    simple_geometry(3, 5, 7, 1, 1, 2, 0),    // nearly pointwise
    simple_geometry(2, 4, 4, 1, 1, 1, 1),    // pointwise with padding
    simple_geometry(2, 6, 5, 3, 3, 1, 0),    // the usual
    simple_geometry(2, 6, 5, 3, 3, 1, 1),    // of the same size
    simple_geometry(1, 7, 9, 3, 2, 2, 1),    // a rest at the far sides
    simple_geometry(2, 5, 6, 2, 3, 3, 2),    // oblong kernel
    simple_geometry(3, 4, 5, 4, 5, 1, 0),    // one position
    simple_geometry(2, 4, 3, 5, 5, 1, 2),    // kernel beyond the image
    simple_geometry(1, 3, 3, 2, 2, 1, 4),    // whole patch rows in the padding
    simple_geometry(1, 2, 2, 2, 2, 5, 3),    // stride beyond the kernel
    simple_geometry(1, 9, 40, 3, 5, 1, 0),   // rows of more than two vectors
    simple_geometry(2, 5, 20, 2, 5, 1, 0),   // rows of exactly one vector
    simple_geometry(2, 5, 33, 3, 2, 1, 3),   // two vectors and padding
    simple_geometry(3, 18, 17, 5, 5, 2, 2),  // larger
    // outputs in whole vectors, read from padded images
    simple_geometry(3, 32, 32, 3, 3, 1, 1),  // many positions
    simple_geometry(11, 8, 8, 3, 3, 1, 1),   // half vectors
    simple_geometry(2, 6, 8, 5, 5, 1, 2),    // as few rows
    simple_geometry(70, 8, 8, 3, 3, 1, 1),   // many channels
    simple_geometry(2, 16, 32, 3, 3, 2, 1),  // two runs of columns
    simple_geometry(2, 23, 47, 2, 3, 3, 1),  // three, and kernels that do not meet
    simple_geometry(2, 64, 31, 1, 1, 2, 0),  // pointwise with a stride
    simple_geometry(2, 7, 52, 3, 5, 1, 0),   // no padding
    simple_geometry(2, 12, 16, 3, 3, 1, 2),  // padding that widens
    simple_geometry(1, 10, 10, 3, 3, 1, 4),  // padding beyond the kernel
};

/// What only the general form can say; each also with two groups of channels, and depthwise.
inline const std::vector<ConvGeometry> kGeneralGeometries{
    {.channels = 4, .height = 6, .width = 7, .kernel_height = 3, .kernel_width = 3},
    {.channels = 4, .height = 5, .width = 4, .kernel_height = 1, .kernel_width = 1},
    {.channels = 6, .height = 3, .width = 3, .kernel_height = 3, .kernel_width = 3},
    // outputs in whole vectors, with a dilation and one side's padding
    {.channels = 4,
     .height = 20,
     .width = 17,
     .kernel_height = 3,
     .kernel_width = 2,
     .pad_top = 1,
     .pad_bottom = 3,
     .pad_right = 2,
     .dilation_height = 2,
     .dilation_width = 3},
    // strides and paddings of their own on every axis and side
    {.channels = 4,
     .height = 8,
     .width = 9,
     .kernel_height = 3,
     .kernel_width = 2,
     .stride_height = 2,
     .stride_width = 3,
     .pad_top = 0,
     .pad_left = 2,
     .pad_bottom = 1,
     .pad_right = 0},
    {.channels = 4,
     .height = 7,
     .width = 5,
     .kernel_height = 2,
     .kernel_width = 3,
     .stride_height = 1,
     .stride_width = 2,
     .pad_top = 3,
     .pad_left = 0,
     .pad_bottom = 0,
     .pad_right = 4},
    // dilation, less than, equal to and beyond what the stride divides
    {.channels = 4,
     .height = 9,
     .width = 10,
     .kernel_height = 3,
     .kernel_width = 3,
     .pad_top = 2,
     .pad_left = 3,
     .pad_bottom = 2,
     .pad_right = 3,
     .dilation_height = 2,
     .dilation_width = 3},
    {.channels = 4,
     .height = 9,
     .width = 12,
     .kernel_height = 2,
     .kernel_width = 3,
     .stride_height = 2,
     .stride_width = 2,
     .pad_right = 1,
     .dilation_height = 3,
     .dilation_width = 2},
    {.channels = 4,
     .height = 11,
     .width = 6,
     .kernel_height = 3,
     .kernel_width = 2,
     .stride_height = 3,
     .pad_bottom = 2,
     .dilation_height = 2,
     .dilation_width = 4},
    // one dimension: rows only
    {.channels = 4,
     .height = 1,
     .width = 50,
     .kernel_height = 1,
     .kernel_width = 5,
     .stride_width = 2,
     .pad_left = 4,
     .dilation_width = 3},
    {.channels = 6, .height = 1, .width = 8, .kernel_height = 1, .kernel_width = 1},
    // phases larger than a few vectors
    {.channels = 4,
     .height = 19,
     .width = 21,
     .kernel_height = 3,
     .kernel_width = 3,
     .stride_height = 2,
     .stride_width = 2,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.channels = 4,
     .height = 14,
     .width = 15,
     .kernel_height = 5,
     .kernel_width = 5,
     .pad_top = 2,
     .pad_left = 2,
     .pad_bottom = 2,
     .pad_right = 2},
};

inline std::vector<ConvGeometry> every_geometry() {
  std::vector<ConvGeometry> result = kSimpleGeometries;
  for (ConvGeometry g : kGeneralGeometries) {
    for (const std::int64_t groups : {std::int64_t{1}, std::int64_t{2}, g.channels}) {
      g.groups = groups;
      result.push_back(g);
    }
  }
  return result;
}

inline const std::vector<ConvGeometry> kConvGeometries = every_geometry();

inline std::string describe(const ConvGeometry& g) {
  return fmt::format("{}x{}x{} kernel {}x{} stride {}x{} padding {},{},{},{} dilation {}x{} groups {}", g.channels,
                     g.height, g.width, g.kernel_height, g.kernel_width, g.stride_height, g.stride_width, g.pad_top,
                     g.pad_left, g.pad_bottom, g.pad_right, g.dilation_height, g.dilation_width, g.groups);
}

/// The rows of a patch matrix.
inline std::int64_t patch_rows(const ConvGeometry& g) {
  return g.channels * g.kernel_height * g.kernel_width;
}

/// Patch matrices [n, groups * patch, positions] by plain loops, in double.
inline at::Tensor plain_patches(const ConvGeometry& g, const at::Tensor& images) {
  const at::Tensor doubles = images.to(at::kDouble);
  const auto x = doubles.accessor<double, 4>();
  at::Tensor result = at::zeros({images.size(0), patch_rows(g), g.positions()}, at::kDouble);
  auto patches = result.accessor<double, 3>();
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    for (std::int64_t row = 0; row < patch_rows(g); ++row) {
      const std::int64_t channel = row / (g.kernel_height * g.kernel_width);
      const std::int64_t ky = row / g.kernel_width % g.kernel_height;
      const std::int64_t kx = row % g.kernel_width;
      for (std::int64_t position = 0; position < g.positions(); ++position) {
        const std::int64_t y = position / g.out_width() * g.stride_height + ky * g.dilation_height - g.pad_top;
        const std::int64_t z = position % g.out_width() * g.stride_width + kx * g.dilation_width - g.pad_left;
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
