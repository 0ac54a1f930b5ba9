#include "ntt/core/patches.h"

#include <algorithm>
#include <cstring>

#include "ntt/core/simd.h"
#include "ntt/core/windows.h"

namespace ntt {
namespace {

/// One row of a patch matrix: what one channel shows at one place of the kernel, for every output position.
struct PatchRow {
  Inside rows;
  Inside columns;
  std::int64_t corner;  ///< offset in the image of what output (rows.first, columns.first) reads
};

template <typename Visit>
void for_each_patch_row(const ConvGeometry& g, Visit&& visit) {
  const std::int64_t out_height = g.out_height();
  const std::int64_t out_width = g.out_width();
  for (std::int64_t channel = 0; channel < g.channels; ++channel) {
    for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
      const std::int64_t top = ky * g.dilation_height - g.pad_top;
      const Inside rows = inside(top, g.height, out_height, g.stride_height);
      for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
        const std::int64_t left = kx * g.dilation_width - g.pad_left;
        const Inside columns = inside(left, g.width, out_width, g.stride_width);
        const std::int64_t y = rows.first * g.stride_height + top;
        const std::int64_t x = columns.first * g.stride_width + left;
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

/// One row of one image's patch matrix, which is out_height * out_width long.
template <typename T>
void unfold_row(const ConvGeometry& g, const PatchRow& row, std::int64_t out_height, std::int64_t out_width,
                const T* image, const T* images_end, T* patches, const T* patches_end) {
  std::fill(patches, patches + row.rows.first * out_width, T{0});
  for (std::int64_t y = row.rows.first; y < row.rows.last; ++y) {
    T* to = patches + y * out_width;
    const T* from = image + row.corner + (y - row.rows.first) * g.stride_height * g.width;
    std::fill(to, to + row.columns.first, T{0});
    const std::int64_t count = row.columns.last - row.columns.first;
    if (g.stride_width == 1) {
      copy_row(to + row.columns.first, patches_end, from, images_end, count);
    } else {
      for (std::int64_t x = 0; x < count; ++x) {
        to[row.columns.first + x] = from[x * g.stride_width];
      }
    }
    std::fill(to + row.columns.last, to + out_width, T{0});
  }
  std::fill(patches + row.rows.last * out_width, patches + out_height * out_width, T{0});
}

/// The same where outputs are as wide as the image and as close together: the image lies as it will lie, but for an
/// offset, so that it is copied whole and then cleared where that took in neighbouring rows.
template <typename T>
void unfold_shifted(const ConvGeometry& g, const PatchRow& row, const T* image, T* patches) {
  T* to = patches + row.rows.first * g.width;
  const std::int64_t rows = row.rows.last - row.rows.first;
  const std::int64_t columns = row.columns.last - row.columns.first;
  std::fill(patches, to, T{0});
  std::fill(to + rows * g.width, patches + g.positions(), T{0});
  if (rows == 0 || columns == 0) {
    std::fill(to, to + rows * g.width, T{0});
    return;
  }
  const T* from = image + row.corner;
  std::memcpy(to + row.columns.first, from, static_cast<std::size_t>((rows - 1) * g.width + columns) * sizeof(T));
  const auto clear = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t x = first; x < last; ++x) {
      for (std::int64_t y = 0; y < rows; ++y) {
        to[y * g.width + x] = T{0};
      }
    }
  };
  clear(0, row.columns.first);
  clear(row.columns.last, g.width);
}

/// Rows are written in order, so that what one writes past its end is overwritten by the next.
template <typename T>
void unfold(const ConvGeometry& g, std::int64_t count, const T* images, const T* images_end, T* patches,
            const T* patches_end) {
  const std::int64_t out_height = g.out_height();
  const std::int64_t out_width = g.out_width();
  const bool shifted = g.stride_height == 1 && g.stride_width == 1 && out_width == g.width;
  for_each_patch_row(g, [&](const PatchRow& row) {
    for (std::int64_t i = 0; i < count; ++i, patches += out_height * out_width) {
      if (shifted) {
        unfold_shifted(g, row, images + i * g.image_size(), patches);
        continue;
      }
      unfold_row(g, row, out_height, out_width, images + i * g.image_size(), images_end, patches, patches_end);
    }
  });
}

/// A matrix that is added to another, for several images.
struct Addition {
  std::int64_t count, sums_step, values_step;  ///< images, and the distances between theirs
  std::int64_t rows, columns;
  std::int64_t sums_stride, values_stride;
};

template <typename T>
NTT_SIMD_BODY void add_rows_body(const Addition& a, T* __restrict sums, const T* __restrict values) {
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t y = 0; y < a.rows; ++y) {
      T* __restrict to = sums + i * a.sums_step + y * a.sums_stride;
      const T* __restrict from = values + i * a.values_step + y * a.values_stride;
      for (std::int64_t x = 0; x < a.columns; ++x) {
        to[x] += from[x];
      }
    }
  }
}
NTT_SIMD void add_rows(const Addition& addition, float* sums, const float* values) {
  add_rows_body(addition, sums, values);
}
NTT_SIMD void add_rows(const Addition& addition, double* sums, const double* values) {
  add_rows_body(addition, sums, values);
}

template <typename T>
void add_strided_rows(const Addition& a, std::int64_t stride, T* sums, const T* values) {
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t y = 0; y < a.rows; ++y) {
      T* to = sums + i * a.sums_step + y * a.sums_stride;
      const T* from = values + i * a.values_step + y * a.values_stride;
      for (std::int64_t x = 0; x < a.columns; ++x) {
        to[x * stride] += from[x];
      }
    }
  }
}

template <typename T>
void fold(const ConvGeometry& g, std::int64_t count, const T* patches, T* images) {
  const std::int64_t out_width = g.out_width();
  const std::int64_t positions = g.positions();
  Addition addition{count, g.image_size(), positions, 0, 0, g.stride_height * g.width, out_width};
  for_each_patch_row(g, [&](const PatchRow& row) {
    const T* values = patches + row.rows.first * out_width + row.columns.first;
    addition.rows = row.rows.last - row.rows.first;
    addition.columns = row.columns.last - row.columns.first;
    if (g.stride_width == 1) {
      add_rows(addition, images + row.corner, values);
    } else {
      add_strided_rows(addition, g.stride_width, images + row.corner, values);
    }
    patches += count * positions;
  });
}

}  // namespace

void unfold_images(const ConvGeometry& geometry, std::int64_t count, const float* images, const float* images_end,
                   float* patches, const float* patches_end) {
  unfold(geometry, count, images, images_end, patches, patches_end);
}

void unfold_images(const ConvGeometry& geometry, std::int64_t count, const double* images, const double* images_end,
                   double* patches, const double* patches_end) {
  unfold(geometry, count, images, images_end, patches, patches_end);
}

void fold_images(const ConvGeometry& geometry, std::int64_t count, const float* patches, float* images) {
  fold(geometry, count, patches, images);
}

void fold_images(const ConvGeometry& geometry, std::int64_t count, const double* patches, double* images) {
  fold(geometry, count, patches, images);
}

}  // namespace ntt
