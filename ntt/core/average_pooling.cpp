#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <vector>

#include "ntt/core/parallel.h"
#include "ntt/core/pooling.h"
#include "ntt/core/simd.h"
#include "ntt/core/windows.h"

namespace ntt {
namespace {

/// One axis of the windows on planes of one size.
struct AverageAxis {
  AverageAxis(std::int64_t plane_size, std::int64_t outputs, std::int64_t kernel_size, std::int64_t window_stride,
              std::int64_t window_dilation, std::int64_t before, std::int64_t after, bool count_include_pad)
      : size(plane_size),
        out_size(outputs),
        kernel(kernel_size),
        stride(window_stride),
        dilation(window_dilation),
        padding(before),
        counts(static_cast<std::size_t>(outputs)) {
    for (std::int64_t k = 0; k < kernel; ++k) {
      inside_of.push_back(inside(k * dilation - padding, size, out_size, stride));
      // With ceil_mode a window may reach beyond the padding, too: what lies there never counts.
      const std::int64_t first = count_include_pad ? 0 : inside_of.back().first;
      const std::int64_t last = count_include_pad ? inside(k * dilation, padding + size + after, out_size, stride).last
                                                  : inside_of.back().last;
      for (std::int64_t o = first; o < last; ++o) {
        ++counts[static_cast<std::size_t>(o)];
      }
    }
    // A window of nothing has the mean 0.
    std::replace(counts.begin(), counts.end(), 0.0, 1.0);
  }

  std::int64_t size, out_size, kernel, stride, dilation, padding;
  std::vector<double> counts;     ///< of entries in each output's mean, along this axis
  std::vector<Inside> inside_of;  ///< the outputs that read the plane at each place of their windows
};

struct AverageWindows {
  AverageWindows(const PoolGeometry& g, bool count_include_pad, std::int64_t height, std::int64_t width)
      : rows(height, g.out_height(height), g.kernel_height, g.stride_height, g.dilation_height, g.pad_top, g.pad_bottom,
             count_include_pad),
        columns(width, g.out_width(width), g.kernel_width, g.stride_width, g.dilation_width, g.pad_left, g.pad_right,
                count_include_pad) {}

  AverageAxis rows, columns;
};

/// Calls visit(y) on the rows of the plane that a row of outputs reads.
template <typename Visit>
NTT_SIMD_BODY void for_each_row(const AverageAxis& rows, std::int64_t row, Visit&& visit) {
  for (std::int64_t k = 0; k < rows.kernel; ++k) {
    const std::int64_t y = row * rows.stride + k * rows.dilation - rows.padding;
    if (y >= 0 && y < rows.size) {
      visit(y);
    }
  }
}

/// Means are taken of whole rows of the plane first, which are contiguous whatever the windows are.
/// @param row room for one row of the plane
template <typename T>
NTT_SIMD_BODY void average_plane_body(const AverageWindows& windows, const T* plane, T* __restrict row, T* means) {
  const AverageAxis& columns = windows.columns;
  for (std::int64_t o = 0; o < windows.rows.out_size; ++o, means += columns.out_size) {
    std::fill(row, row + columns.size, T{0});
    for_each_row(windows.rows, o, [&](std::int64_t y) {
      const T* __restrict values = plane + y * columns.size;
      for (std::int64_t x = 0; x < columns.size; ++x) {
        row[x] += values[x];
      }
    });
    T* __restrict out = means;
    std::fill(out, out + columns.out_size, T{0});
    for (std::int64_t k = 0; k < columns.kernel; ++k) {
      const Inside& reads = columns.inside_of[static_cast<std::size_t>(k)];
      const std::int64_t first = k * columns.dilation - columns.padding;
      for (std::int64_t p = reads.first; p < reads.last; ++p) {
        out[p] += row[first + p * columns.stride];
      }
    }
    const double height = windows.rows.counts[static_cast<std::size_t>(o)];
    for (std::int64_t p = 0; p < columns.out_size; ++p) {
      out[p] /= static_cast<T>(height * columns.counts[static_cast<std::size_t>(p)]);
    }
  }
}
NTT_SIMD void average_plane(const AverageWindows& windows, const float* plane, float* row, float* means) {
  average_plane_body(windows, plane, row, means);
}
NTT_SIMD void average_plane(const AverageWindows& windows, const double* plane, double* row, double* means) {
  average_plane_body(windows, plane, row, means);
}

/// The transpose of average_plane_body.
template <typename T>
NTT_SIMD_BODY void spread_plane_body(const AverageWindows& windows, const T* cotangents, T* __restrict row, T* plane) {
  const AverageAxis& columns = windows.columns;
  std::fill(plane, plane + windows.rows.size * columns.size, T{0});
  for (std::int64_t o = 0; o < windows.rows.out_size; ++o, cotangents += columns.out_size) {
    std::fill(row, row + columns.size, T{0});
    const double height = windows.rows.counts[static_cast<std::size_t>(o)];
    for (std::int64_t k = 0; k < columns.kernel; ++k) {
      const Inside& reads = columns.inside_of[static_cast<std::size_t>(k)];
      const std::int64_t first = k * columns.dilation - columns.padding;
      for (std::int64_t p = reads.first; p < reads.last; ++p) {
        row[first + p * columns.stride] +=
            cotangents[p] / static_cast<T>(height * columns.counts[static_cast<std::size_t>(p)]);
      }
    }
    for_each_row(windows.rows, o, [&](std::int64_t y) {
      T* __restrict sums = plane + y * columns.size;
      for (std::int64_t x = 0; x < columns.size; ++x) {
        sums[x] += row[x];
      }
    });
  }
}
NTT_SIMD void spread_plane(const AverageWindows& windows, const float* cotangents, float* row, float* plane) {
  spread_plane_body(windows, cotangents, row, plane);
}
NTT_SIMD void spread_plane(const AverageWindows& windows, const double* cotangents, double* row, double* plane) {
  spread_plane_body(windows, cotangents, row, plane);
}

}  // namespace

at::Tensor average_pool(const PoolGeometry& g, bool count_include_pad, const at::Tensor& images) {
  if (!images.is_cpu()) {
    return aten::average_pool(g, count_include_pad, images);
  }
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  const AverageWindows windows(g, count_include_pad, height, width);
  const std::int64_t out_plane = g.out_height(height) * g.out_width(width);
  at::Tensor means =
      at::empty({images.size(0), images.size(1), g.out_height(height), g.out_width(width)}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "average_pool", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    auto* y = means.data_ptr<scalar_t>();
    parallel_for_work(images.size(0) * images.size(1), height * width, [&](std::int64_t begin, std::int64_t end, int) {
      std::vector<scalar_t> row(static_cast<std::size_t>(width));
      for (std::int64_t i = begin; i < end; ++i) {
        average_plane(windows, x + i * height * width, row.data(), y + i * out_plane);
      }
    });
  });
  return means;
}

at::Tensor average_pool_spread(const PoolGeometry& g, bool count_include_pad, const at::Tensor& cotangents,
                               std::int64_t height, std::int64_t width) {
  if (!cotangents.is_cpu()) {
    return aten::average_pool_spread(g, count_include_pad, cotangents, height, width);
  }
  const AverageWindows windows(g, count_include_pad, height, width);
  const std::int64_t out_plane = g.out_height(height) * g.out_width(width);
  at::Tensor images = at::empty({cotangents.size(0), cotangents.size(1), height, width}, cotangents.options());
  AT_DISPATCH_FLOATING_TYPES(cotangents.scalar_type(), "average_pool_spread", [&] {
    const auto* y = cotangents.data_ptr<scalar_t>();
    auto* x = images.data_ptr<scalar_t>();
    parallel_for_work(images.size(0) * images.size(1), height * width, [&](std::int64_t begin, std::int64_t end, int) {
      std::vector<scalar_t> row(static_cast<std::size_t>(width));
      for (std::int64_t i = begin; i < end; ++i) {
        spread_plane(windows, y + i * out_plane, row.data(), x + i * height * width);
      }
    });
  });
  return images;
}

}  // namespace ntt
