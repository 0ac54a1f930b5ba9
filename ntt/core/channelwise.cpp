#include "ntt/core/channelwise.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <array>
#include <numeric>

#include "ntt/core/parallel.h"
#include "ntt/core/simd.h"

namespace ntt {
namespace {

template <typename T>
NTT_SIMD_BODY void scale_body(T* __restrict out, const T* __restrict values, const T* __restrict sum, T factor, T shift,
                              std::int64_t count) {
  if (sum == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = factor * values[i] + shift;
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = factor * values[i] + shift + sum[i];
    }
  }
}
NTT_SIMD void scale(float* out, const float* values, const float* sum, float factor, float shift, std::int64_t count) {
  scale_body(out, values, sum, factor, shift, count);
}
NTT_SIMD void scale(double* out, const double* values, const double* sum, double factor, double shift,
                    std::int64_t count) {
  scale_body(out, values, sum, factor, shift, count);
}

constexpr std::int64_t kLanes = 32;  // of sums, so that the compiler may vectorise without another order of them

template <typename T>
T sum_of_lanes(std::array<T, kLanes>& lanes) {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      lanes[lane] += lanes[lane + half];
    }
  }
  return lanes.front();
}

/// Σ a and Σ a b.
template <typename T>
NTT_SIMD_BODY void sums_body(const T* a, const T* b, std::int64_t count, T* sum, T* product) {
  std::array<T, kLanes> sums{};
  std::array<T, kLanes> products{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += a[i + lane];
      products[static_cast<std::size_t>(lane)] += a[i + lane] * b[i + lane];
    }
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) {
    sums[static_cast<std::size_t>(lane)] += a[i];
    products[static_cast<std::size_t>(lane)] += a[i] * b[i];
  }
  *sum = sum_of_lanes(sums);
  *product = sum_of_lanes(products);
}
NTT_SIMD void sums_of(const float* a, const float* b, std::int64_t count, float* sum, float* product) {
  sums_body(a, b, count, sum, product);
}
NTT_SIMD void sums_of(const double* a, const double* b, std::int64_t count, double* sum, double* product) {
  sums_body(a, b, count, sum, product);
}

/// Σ term(x) over one row of positions.
template <typename T, typename Term>
NTT_SIMD_BODY T sum_body(const T* x, std::int64_t count, const Term& term) {
  std::array<T, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += term(x[i + lane]);
    }
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) {
    sums[static_cast<std::size_t>(lane)] += term(x[i]);
  }
  return sum_of_lanes(sums);
}

/// Mean of x - origin and Σ (x - origin - mean)² over a row, whose second pass finds the row in the first cache.
template <typename T>
NTT_SIMD_BODY void moments_body(const T* x, std::int64_t count, T origin, T* mean, T* squares) {
  const T middle = sum_body(x, count, [origin](T value) { return value - origin; }) / static_cast<T>(count);
  *mean = middle;
  *squares = sum_body(x, count, [origin, middle](T value) {
    const T difference = value - origin - middle;
    return difference * difference;
  });
}
NTT_SIMD void row_moments(const float* x, std::int64_t count, float origin, float* mean, float* squares) {
  moments_body(x, count, origin, mean, squares);
}
NTT_SIMD void row_moments(const double* x, std::int64_t count, double origin, double* mean, double* squares) {
  moments_body(x, count, origin, mean, squares);
}

std::int64_t positions_of(const at::Tensor& values) {
  return values.numel() / std::max<std::int64_t>(values.size(0) * values.size(1), 1);
}

}  // namespace

at::Tensor scale_channels(const at::Tensor& values, const at::Tensor& factor, const at::Tensor& shift,
                          const at::Tensor& sum) {
  if (!values.is_cpu() || positions_of(values) == 1) {
    return aten::scale_channels(values, factor, shift, sum);
  }
  at::Tensor result = at::empty_like(values);
  const std::int64_t channels = values.size(1);
  const std::int64_t positions = positions_of(values);
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "scale_channels", [&] {
    const auto* x = values.data_ptr<scalar_t>();
    const auto* f = factor.data_ptr<scalar_t>();
    const auto* s = shift.defined() ? shift.data_ptr<scalar_t>() : nullptr;
    const auto* added = sum.defined() ? sum.data_ptr<scalar_t>() : nullptr;
    auto* y = result.data_ptr<scalar_t>();
    parallel_for_work(values.size(0) * channels, positions, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t c = i % channels;
        scale(y + i * positions, x + i * positions, added == nullptr ? nullptr : added + i * positions, f[c],
              s == nullptr ? scalar_t{0} : s[c], positions);
      }
    });
  });
  return result;
}

at::Tensor scale_channels_by_row(const at::Tensor& images, const at::Tensor& factor, const at::Tensor& shift) {
  if (!images.is_cpu() || positions_of(images) == 1) {
    return aten::scale_channels_by_row(images, factor, shift);
  }
  std::vector<std::int64_t> sizes = images.sizes().vec();
  sizes.front() = factor.size(0);
  at::Tensor result = at::empty(sizes, images.options());
  const std::int64_t channels = images.size(1);
  const std::int64_t positions = positions_of(images);
  const std::int64_t probes = factor.size(0) / std::max<std::int64_t>(images.size(0), 1);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "scale_channels_by_row", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* f = factor.data_ptr<scalar_t>();
    const auto* s = shift.data_ptr<scalar_t>();
    auto* y = result.data_ptr<scalar_t>();
    parallel_for_work(factor.numel(), positions, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / channels / probes * channels + i % channels;
        scale(y + i * positions, x + image * positions, static_cast<const scalar_t*>(nullptr), f[i], s[i], positions);
      }
    });
  });
  return result;
}

std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& values, const at::Tensor& images) {
  if (!values.is_cpu() || positions_of(values) == 1) {
    return aten::channel_sums(values, images);
  }
  const std::int64_t channels = values.size(1);
  const std::int64_t positions = positions_of(values);
  const std::int64_t probes = values.size(0) / std::max<std::int64_t>(images.size(0), 1);
  at::Tensor sums = at::empty({values.size(0), channels}, values.options());
  at::Tensor products = at::empty_like(sums);
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "channel_sums", [&] {
    const auto* a = values.data_ptr<scalar_t>();
    const auto* b = images.data_ptr<scalar_t>();
    auto* s = sums.data_ptr<scalar_t>();
    auto* p = products.data_ptr<scalar_t>();
    parallel_for_work(sums.numel(), positions, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / channels / probes * channels + i % channels;
        sums_of(a + i * positions, b + image * positions, positions, s + i, p + i);
      }
    });
  });
  return {sums, products};
}

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& values) {
  const std::int64_t rows = values.size(0);
  const std::int64_t positions = positions_of(values);
  if (!values.is_cpu() || positions == 1 || rows == 0) {
    return aten::channel_moments(values);
  }
  const std::int64_t channels = values.size(1);
  at::Tensor means = at::empty({rows, channels}, values.options());
  at::Tensor squares = at::empty_like(means);
  // Relative to the channel's first value: of a constant channel every difference is then exactly 0.
  const at::Tensor origin = values.select(0, 0).reshape({channels, positions}).select(1, 0).contiguous();
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "channel_moments", [&] {
    const auto* x = values.data_ptr<scalar_t>();
    const auto* o = origin.data_ptr<scalar_t>();
    auto* m = means.data_ptr<scalar_t>();
    auto* s = squares.data_ptr<scalar_t>();
    parallel_for_work(rows * channels, positions, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        row_moments(x + i * positions, positions, o[i % channels], m + i, s + i);
      }
    });
  });
  // Rows have equal counts: the squares around the channel's mean are those around the rows' and the rows' own.
  const at::Tensor row_means = means.to(at::kDouble);
  const at::Tensor mean = row_means.mean(0);
  const at::Tensor variance =
      squares.sum(0, false, at::kDouble) / static_cast<double>(rows * positions) + (row_means - mean).square_().mean(0);
  return {(origin + mean).to(values.scalar_type()), variance.to(values.scalar_type())};
}

namespace aten {
namespace {

/// [..., C] as it multiplies [..., C, positions...].
at::Tensor over_positions(const at::Tensor& factors, const at::Tensor& values) {
  std::vector<std::int64_t> sizes = factors.sizes().vec();
  sizes.resize(sizes.size() + static_cast<std::size_t>(values.dim() - 2), 1);
  return factors.view(sizes);
}

/// Each image once for every probe.
at::Tensor for_probes(const at::Tensor& images, std::int64_t rows) {
  return images.repeat_interleave(rows / std::max<std::int64_t>(images.size(0), 1), 0);
}

}  // namespace

at::Tensor scale_channels(const at::Tensor& values, const at::Tensor& factor, const at::Tensor& shift,
                          const at::Tensor& sum) {
  at::Tensor result = values * over_positions(factor, values);
  if (shift.defined()) {
    result.add_(over_positions(shift, values));
  }
  return sum.defined() ? result.add_(sum) : result;
}

at::Tensor scale_channels_by_row(const at::Tensor& images, const at::Tensor& factor, const at::Tensor& shift) {
  return for_probes(images, factor.size(0)) * over_positions(factor, images) + over_positions(shift, images);
}

std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& values, const at::Tensor& images) {
  const at::Tensor flat = values.reshape({values.size(0), values.size(1), -1});
  const at::Tensor products = flat * for_probes(images, values.size(0)).reshape(flat.sizes());
  return {flat.sum(2), products.sum(2)};
}

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& values) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(values.dim()) - 1);
  std::iota(axes.begin(), axes.end(), 1);
  axes.front() = 0;
  auto [variance, mean] = at::var_mean(values, axes, false);
  return {std::move(mean), std::move(variance)};
}

}  // namespace aten
}  // namespace ntt
