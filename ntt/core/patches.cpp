#include "ntt/core/patches.h"

#include <algorithm>
#include <cstring>

#include "ntt/core/simd.h"

namespace ntt {
namespace {

/// The outputs [first, last) along one side whose inputs, for one kernel offset, lie inside the image.
struct Inside {
  std::int64_t first;
  std::int64_t last;
};

Inside inside(std::int64_t offset, std::int64_t size, std::int64_t out_size, std::int64_t stride) {
  const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t last = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(first, out_size), std::max(std::min(first, out_size), std::min(last, out_size))};
}

/// One row of a patch matrix: what one channel shows at one place of the kernel, for every output position.
struct PatchRow {
  Inside rows;
  Inside columns;
  std::int64_t corner;  ///< offset in the image of what output (rows.first, columns.first) reads
};

template <typename Visit>
void for_each_patch_row(const ConvGeometry& g, Visit&& visit) {
  for (std::int64_t channel = 0; channel < g.channels; ++channel) {
    for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
      const Inside rows = inside(ky - g.padding, g.height, g.out_height(), g.stride);
      for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
        const Inside columns = inside(kx - g.padding, g.width, g.out_width(), g.stride);
        const std::int64_t y = rows.first * g.stride + ky - g.padding;
        const std::int64_t x = columns.first * g.stride + kx - g.padding;
        visit(PatchRow{rows, columns, (channel * g.height + y) * g.width + x});
      }
    }
  }
}

/// A row is too short for a call of memcpy, and copied in whole vectors where both arrays allow.
template <typename T>
void copy_row(T* to, const T* to_end, const T* from, const T* from_end, std::int64_t count) {
  constexpr std::int64_t kChunk = 16;
  const std::int64_t padded = (count + kChunk - 1) / kChunk * kChunk;
  if (to_end - to < padded || from_end - from < padded) {
    std::copy(from, from + count, to);
    return;
  }
  for (std::int64_t i = 0; i < padded; i += kChunk) {
    std::memcpy(to + i, from + i, kChunk * sizeof(T));
  }
}

/// Rows are written in order, so that what one writes past its end is overwritten by the next.
template <typename T>
void unfold(const ConvGeometry& g, const T* image, const T* image_end, T* patches, const T* patches_end) {
  const std::int64_t out_width = g.out_width();
  for_each_patch_row(g, [&](const PatchRow& row) {
    std::fill(patches, patches + row.rows.first * out_width, T{0});
    for (std::int64_t y = row.rows.first; y < row.rows.last; ++y) {
      T* to = patches + y * out_width;
      const T* from = image + row.corner + (y - row.rows.first) * g.stride * g.width;
      std::fill(to, to + row.columns.first, T{0});
      const std::int64_t count = row.columns.last - row.columns.first;
      if (g.stride == 1) {
        copy_row(to + row.columns.first, patches_end, from, image_end, count);
      } else {
        for (std::int64_t x = 0; x < count; ++x) {
          to[row.columns.first + x] = from[x * g.stride];
        }
      }
      std::fill(to + row.columns.last, to + out_width, T{0});
    }
    std::fill(patches + row.rows.last * out_width, patches + g.positions(), T{0});
    patches += g.positions();
  });
}

/// sums[y * sums_stride + x] += values[y * values_stride + x]
template <typename T>
NTT_SIMD_BODY void add_rows_body(T* __restrict sums, std::int64_t sums_stride, const T* __restrict values,
                                 std::int64_t values_stride, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t y = 0; y < rows; ++y) {
    for (std::int64_t x = 0; x < columns; ++x) {
      sums[x] += values[x];
    }
    sums += sums_stride;
    values += values_stride;
  }
}
NTT_SIMD void add_rows(float* sums, std::int64_t sums_stride, const float* values, std::int64_t values_stride,
                       std::int64_t rows, std::int64_t columns) {
  add_rows_body(sums, sums_stride, values, values_stride, rows, columns);
}
NTT_SIMD void add_rows(double* sums, std::int64_t sums_stride, const double* values, std::int64_t values_stride,
                       std::int64_t rows, std::int64_t columns) {
  add_rows_body(sums, sums_stride, values, values_stride, rows, columns);
}

template <typename T>
void fold(const ConvGeometry& g, const T* patches, T* image) {
  const std::int64_t out_width = g.out_width();
  for_each_patch_row(g, [&](const PatchRow& row) {
    const T* values = patches + row.rows.first * out_width + row.columns.first;
    T* sums = image + row.corner;
    const std::int64_t rows = row.rows.last - row.rows.first;
    const std::int64_t columns = row.columns.last - row.columns.first;
    if (g.stride == 1) {
      add_rows(sums, g.width, values, out_width, rows, columns);
    } else {
      for (std::int64_t y = 0; y < rows; ++y) {
        for (std::int64_t x = 0; x < columns; ++x) {
          sums[y * g.stride * g.width + x * g.stride] += values[y * out_width + x];
        }
      }
    }
    patches += g.positions();
  });
}

}  // namespace

void unfold_image(const ConvGeometry& geometry, const float* image, const float* image_end, float* patches,
                  const float* patches_end) {
  unfold(geometry, image, image_end, patches, patches_end);
}

void unfold_image(const ConvGeometry& geometry, const double* image, const double* image_end, double* patches,
                  const double* patches_end) {
  unfold(geometry, image, image_end, patches, patches_end);
}

void fold_image(const ConvGeometry& geometry, const float* patches, float* image) {
  fold(geometry, patches, image);
}

void fold_image(const ConvGeometry& geometry, const double* patches, double* image) {
  fold(geometry, patches, image);
}

}  // namespace ntt
