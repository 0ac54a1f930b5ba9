#include "ntt/core/pooling.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include "ntt/core/simd.h"
#include "ntt/core/threads.h"

namespace ntt {
namespace {

/// One row of outputs: the best of the windows' entries, taken at the same place of every window at a time, so that
/// neighbouring outputs share a vector. kStride 0 stands for one known only at run time.
template <std::int64_t kStride, typename T>
NTT_SIMD_BODY void max_pool_row(const PoolGeometry& g, const T* plane, std::int64_t width, std::int64_t corner,
                                std::int64_t count, T* __restrict maxima, std::int32_t* __restrict winners) {
  const std::int64_t stride = kStride == 0 ? g.stride : kStride;
  for (std::int64_t o = 0; o < count; ++o) {
    maxima[o] = plane[corner + o * stride];
    winners[o] = static_cast<std::int32_t>(corner + o * stride);
  }
  for (std::int64_t ky = 0; ky < g.kernel; ++ky) {
    for (std::int64_t kx = ky == 0 ? 1 : 0; kx < g.kernel; ++kx) {
      const std::int64_t first = corner + ky * width + kx;
      const T* values = plane + first;
      for (std::int64_t o = 0; o < count; ++o) {
        const T value = values[o * stride];
        const bool wins = value > maxima[o] || value != value;  // a NaN wins, and stays
        maxima[o] = wins ? value : maxima[o];
        winners[o] = wins ? static_cast<std::int32_t>(first + o * stride) : winners[o];
      }
    }
  }
}

template <typename T>
NTT_SIMD_BODY void max_pool_plane_body(const PoolGeometry& g, const T* plane, std::int64_t height, std::int64_t width,
                                       T* maxima, std::int32_t* winners) {
  const std::int64_t count = g.out_size(width);
  for (std::int64_t y = 0; y < g.out_size(height); ++y) {
    const std::int64_t corner = y * g.stride * width;
    if (g.stride == 2) {
      max_pool_row<2>(g, plane, width, corner, count, maxima + y * count, winners + y * count);
    } else {
      max_pool_row<0>(g, plane, width, corner, count, maxima + y * count, winners + y * count);
    }
  }
}
NTT_SIMD void max_pool_plane(const PoolGeometry& g, const float* plane, std::int64_t height, std::int64_t width,
                             float* maxima, std::int32_t* winners) {
  max_pool_plane_body(g, plane, height, width, maxima, winners);
}
NTT_SIMD void max_pool_plane(const PoolGeometry& g, const double* plane, std::int64_t height, std::int64_t width,
                             double* maxima, std::int32_t* winners) {
  max_pool_plane_body(g, plane, height, width, maxima, winners);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& g, const at::Tensor& images) {
  if (!images.is_cpu()) {
    return aten::max_pool(g, images);
  }
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  const std::int64_t out_height = g.out_size(height);
  const std::int64_t out_width = g.out_size(width);
  const std::int64_t out_plane = out_height * out_width;
  at::Tensor maxima = at::empty({images.size(0), images.size(1), out_height, out_width}, images.options());
  at::Tensor winners = at::empty(maxima.sizes(), images.options().dtype(at::kInt));
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "max_pool", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    auto* y = maxima.data_ptr<scalar_t>();
    auto* w = winners.data_ptr<std::int32_t>();
    parallel_for_work(images.size(0) * images.size(1), height * width, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t plane = begin; plane < end; ++plane) {
        max_pool_plane(g, x + plane * height * width, height, width, y + plane * out_plane, w + plane * out_plane);
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

namespace aten {
namespace {

at::Tensor for_every_probe(const at::Tensor& winners, std::int64_t probes) {
  const at::Tensor flat = winners.flatten(2).unsqueeze(1).to(at::kLong);
  return flat.expand({flat.size(0), probes, flat.size(2), flat.size(3)});
}

}  // namespace

std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& g, const at::Tensor& images) {
  auto [maxima, winners] = at::max_pool2d_with_indices(images, {g.kernel, g.kernel}, {g.stride, g.stride});
  return {maxima, winners.to(at::kInt)};
}

at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners) {
  const at::Tensor picked = values.flatten(3).gather(3, for_every_probe(winners, values.size(1)));
  return picked.view({values.size(0), values.size(1), values.size(2), winners.size(2), winners.size(3)});
}

at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width) {
  at::Tensor planes =
      at::zeros({cotangents.size(0), cotangents.size(1), cotangents.size(2), height * width}, cotangents.options());
  planes.scatter_add_(3, for_every_probe(winners, cotangents.size(1)), cotangents.flatten(3));
  return planes.view({cotangents.size(0), cotangents.size(1), cotangents.size(2), height, width});
}

}  // namespace aten
}  // namespace ntt
