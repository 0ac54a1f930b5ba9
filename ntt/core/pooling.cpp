#include "ntt/core/pooling.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <limits>
#include <vector>

#include "ntt/core/parallel.h"
#include "ntt/core/simd.h"
#include "ntt/core/windows.h"

namespace ntt {
namespace {

/// The windows on planes of one size.
struct MaxWindows {
  MaxWindows(const PoolGeometry& geometry, std::int64_t plane_height, std::int64_t plane_width)
      : g(geometry),
        height(plane_height),
        width(plane_width),
        out_height(g.out_height(height)),
        out_width(g.out_width(width)) {
    for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
      columns.push_back(inside(kx * g.dilation_width - g.pad_left, width, out_width, g.stride_width));
      padded = padded || columns.back().first > 0 || columns.back().last < out_width;
    }
  }

  PoolGeometry g;
  std::int64_t height, width, out_height, out_width;
  std::vector<Inside> columns;  ///< the outputs that read the plane at each place along a window's width
  bool padded = false;          ///< whether a window reaches beyond the plane's sides
};

/// Lets one entry of every window of a row compete, so that neighbouring outputs share a vector.
template <typename T>
NTT_SIMD_BODY void compete(const T* plane, std::int64_t first, std::int64_t stride, std::int64_t count,
                           T* __restrict maxima, std::int32_t* __restrict winners) {
  const T* values = plane + first;
  for (std::int64_t o = 0; o < count; ++o) {
    const T value = values[o * stride];
    const bool wins = value > maxima[o] || value != value;  // a NaN wins, and stays
    maxima[o] = wins ? value : maxima[o];
    winners[o] = wins ? static_cast<std::int32_t>(first + o * stride) : winners[o];
  }
}

template <typename T>
NTT_SIMD_BODY void take(const T* plane, std::int64_t first, std::int64_t stride, std::int64_t count,
                        T* __restrict maxima, std::int32_t* __restrict winners) {
  for (std::int64_t o = 0; o < count; ++o) {
    maxima[o] = plane[first + o * stride];
    winners[o] = static_cast<std::int32_t>(first + o * stride);
  }
}

/// One row of outputs. Stride 0 stands for a stride known only at run time.
/// @param rows of the windows that lie in the plane
/// @param corner offset of the first window's first entry, in the plane or outside
template <std::int64_t Stride, typename T>
NTT_SIMD_BODY void max_pool_row(const MaxWindows& windows, const T* plane, Inside rows, std::int64_t corner,
                                T* __restrict maxima, std::int32_t* __restrict winners) {
  const PoolGeometry& g = windows.g;
  const std::int64_t stride = Stride == 0 ? g.stride_width : Stride;
  take(plane, corner + rows.first * g.dilation_height * windows.width, stride, windows.out_width, maxima, winners);
  for (std::int64_t ky = rows.first; ky < rows.last; ++ky) {
    for (std::int64_t kx = ky == rows.first ? 1 : 0; kx < g.kernel_width; ++kx) {
      const std::int64_t first = corner + ky * g.dilation_height * windows.width + kx * g.dilation_width;
      compete(plane, first, stride, windows.out_width, maxima, winners);
    }
  }
}

/// The same where windows reach beyond the plane's sides.
template <std::int64_t Stride, typename T>
NTT_SIMD_BODY void max_pool_padded_row(const MaxWindows& windows, const T* plane, Inside rows, std::int64_t corner,
                                       T* __restrict maxima, std::int32_t* __restrict winners) {
  const PoolGeometry& g = windows.g;
  const std::int64_t stride = Stride == 0 ? g.stride_width : Stride;
  const Inside* columns = windows.columns.data();
  for (std::int64_t ky = rows.first; ky < rows.last; ++ky) {
    for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
      const auto [first, last] = columns[kx];
      // An output that has read nothing before takes what it finds.
      const std::int64_t fresh = ky > rows.first ? first : kx == 0 ? last : std::min(columns[kx - 1].first, last);
      const std::int64_t row = corner + ky * g.dilation_height * windows.width + kx * g.dilation_width;
      take(plane, row + first * stride, stride, fresh - first, maxima + first, winners + first);
      compete(plane, row + fresh * stride, stride, last - fresh, maxima + fresh, winners + fresh);
    }
  }
}

template <std::int64_t Stride, typename T>
NTT_SIMD_BODY void max_pool_rows(const MaxWindows& windows, const T* plane, T* maxima, std::int32_t* winners) {
  const PoolGeometry& g = windows.g;
  for (std::int64_t row = 0; row < windows.out_height; ++row) {
    const std::int64_t top = row * g.stride_height - g.pad_top;
    const std::int64_t corner = top * windows.width - g.pad_left;
    const Inside rows = inside(top, windows.height, g.kernel_height, g.dilation_height);
    if (!windows.padded && rows.first < rows.last) {
      max_pool_row<Stride>(windows, plane, rows, corner, maxima, winners);
    } else {
      std::fill(maxima, maxima + windows.out_width, -std::numeric_limits<T>::infinity());
      std::fill(winners, winners + windows.out_width, 0);
      max_pool_padded_row<Stride>(windows, plane, rows, corner, maxima, winners);
    }
    maxima += windows.out_width;
    winners += windows.out_width;
  }
}

template <typename T>
NTT_SIMD_BODY void max_pool_plane_body(const MaxWindows& windows, const T* plane, T* maxima, std::int32_t* winners) {
  if (windows.g.stride_width == 2) {
    max_pool_rows<2>(windows, plane, maxima, winners);
  } else {
    max_pool_rows<0>(windows, plane, maxima, winners);
  }
}
NTT_SIMD void max_pool_plane(const MaxWindows& windows, const float* plane, float* maxima, std::int32_t* winners) {
  max_pool_plane_body(windows, plane, maxima, winners);
}
NTT_SIMD void max_pool_plane(const MaxWindows& windows, const double* plane, double* maxima, std::int32_t* winners) {
  max_pool_plane_body(windows, plane, maxima, winners);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& g, const at::Tensor& images) {
  if (!images.is_cpu()) {
    return aten::max_pool(g, images);
  }
  const MaxWindows windows(g, images.size(2), images.size(3));
  const std::int64_t plane = windows.height * windows.width;
  const std::int64_t out_plane = windows.out_height * windows.out_width;
  at::Tensor maxima =
      at::empty({images.size(0), images.size(1), windows.out_height, windows.out_width}, images.options());
  at::Tensor winners = at::empty(maxima.sizes(), images.options().dtype(at::kInt));
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "max_pool", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    auto* y = maxima.data_ptr<scalar_t>();
    auto* w = winners.data_ptr<std::int32_t>();
    parallel_for_work(images.size(0) * images.size(1), plane, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        max_pool_plane(windows, x + i * plane, y + i * out_plane, w + i * out_plane);
      }
    });
  });
  return {maxima, winners};
}

at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners) {
  if (!values.is_cpu()) {
    return aten::pool_gather(values, winners);
  }
  const std::int64_t probes = values.size(1);
  const std::int64_t channels = values.size(2);
  const std::int64_t plane = values.size(3) * values.size(4);
  const std::int64_t out_plane = winners.size(2) * winners.size(3);
  at::Tensor result = at::empty({values.size(0), probes, channels, winners.size(2), winners.size(3)}, values.options());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "pool_gather", [&] {
    const auto* x = values.data_ptr<scalar_t>();
    const auto* w = winners.data_ptr<std::int32_t>();
    auto* y = result.data_ptr<scalar_t>();
    parallel_for_work(values.size(0) * probes, channels * out_plane, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int32_t* from = w + row / probes * channels * out_plane;
        for (std::int64_t c = 0; c < channels; ++c) {
          const scalar_t* in = x + (row * channels + c) * plane;
          scalar_t* out = y + (row * channels + c) * out_plane;
          for (std::int64_t o = 0; o < out_plane; ++o) {
            out[o] = in[from[c * out_plane + o]];
          }
        }
      }
    });
  });
  return result;
}

at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width) {
  if (!cotangents.is_cpu()) {
    return aten::pool_scatter(cotangents, winners, height, width);
  }
  const std::int64_t probes = cotangents.size(1);
  const std::int64_t channels = cotangents.size(2);
  const std::int64_t plane = height * width;
  const std::int64_t out_plane = winners.size(2) * winners.size(3);
  at::Tensor result = at::empty({cotangents.size(0), probes, channels, height, width}, cotangents.options());
  AT_DISPATCH_FLOATING_TYPES(cotangents.scalar_type(), "pool_scatter", [&] {
    const auto* y = cotangents.data_ptr<scalar_t>();
    const auto* w = winners.data_ptr<std::int32_t>();
    auto* x = result.data_ptr<scalar_t>();
    parallel_for_work(cotangents.size(0) * probes, channels * plane, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int32_t* to = w + row / probes * channels * out_plane;
        std::fill(x + row * channels * plane, x + (row + 1) * channels * plane, scalar_t{0});
        for (std::int64_t c = 0; c < channels; ++c) {
          scalar_t* out = x + (row * channels + c) * plane;
          const scalar_t* in = y + (row * channels + c) * out_plane;
          for (std::int64_t o = 0; o < out_plane; ++o) {
            out[to[c * out_plane + o]] += in[o];
          }
        }
      }
    });
  });
  return result;
}

}  // namespace ntt
