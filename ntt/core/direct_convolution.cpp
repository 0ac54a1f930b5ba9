#include "ntt/core/direct_convolution.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

#include "ntt/core/correlation.h"
#include "ntt/core/parallel.h"
#include "ntt/core/patch_products.h"

namespace ntt::direct {
namespace {

/// How far a kernel reaches beyond its first row and column.
std::int64_t reach_down(const ConvGeometry& g) {
  return g.dilation_height * (g.kernel_height - 1);
}
std::int64_t reach_right(const ConvGeometry& g) {
  return g.dilation_width * (g.kernel_width - 1);
}

/// Rows are output channels.
Correlation of_images(const ConvGeometry& g) {
  const std::int64_t columns = g.width + g.pad_left + g.pad_right;
  Correlation c;
  c.image = {g.channels, g.height,       g.width,    g.height + g.pad_top + g.pad_bottom,
             g.pad_top,  g.stride_width, g.pad_left, (columns + g.stride_width - 1) / g.stride_width};
  for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
      const std::int64_t x = kx * g.dilation_width;
      c.taps.push_back(ky * g.dilation_height * c.image.row() + x % g.stride_width * c.image.run + x / g.stride_width);
    }
  }
  c.step = g.stride_height * c.image.row();
  c.height = g.out_height();
  c.width = g.out_width();
  c.weight_row = g.patch();
  c.weight_channel = g.kernel_height * g.kernel_width;
  return c;
}

/// The transpose for a stride of 1: rows are channels, and it reads delta [out, ...] through the reversed kernel.
Correlation of_delta(const ConvGeometry& g, std::int64_t out) {
  const std::int64_t down = reach_down(g);
  const std::int64_t right = reach_right(g);
  Correlation c;
  c.image = {out, g.out_height(),     g.out_width(),  g.height + down, down - g.pad_top,
             1,   right - g.pad_left, g.width + right};
  for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
      c.taps.push_back((down - ky * g.dilation_height) * c.image.row() + right - kx * g.dilation_width);
    }
  }
  c.step = c.image.row();
  c.height = g.height;
  c.width = g.width;
  c.weight_row = g.kernel_height * g.kernel_width;
  c.weight_channel = g.patch();
  return c;
}

// With more channels, each entry of a patch matrix takes part in so many products that packing it costs less than
// vectors of a few registers lose.
constexpr std::int64_t kChannels = 64;

/// Calls visit(i, image i with its padding, thread) for i = begin .. end - 1.
template <typename T, typename Visit>
void for_each_padded(const Correlation& c, const T* images, std::int64_t begin, std::int64_t end, Visit&& visit) {
  T* room = scratch<T>(c.image.size());
  for (std::int64_t i = begin; i < end; ++i) {
    pad(c.image, images + i * c.image.channels * c.image.height * c.image.width, room);
    visit(i, room);
  }
}

/// Correlates each of images [n, ...] with the one weight, or with its own: weight is [n, ...] if `own`.
/// @param result [n, rows, ...]
void correlate_images(const Correlation& c, std::int64_t rows, const at::Tensor& images, const at::Tensor& weight,
                      bool own, const at::Tensor& bias, bool adds, at::Tensor& result) {
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "correlate_images", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* w = weight.data_ptr<scalar_t>();
    const auto* b = bias.defined() ? bias.data_ptr<scalar_t>() : nullptr;
    auto* z = result.data_ptr<scalar_t>();
    const std::int64_t weights = own ? rows * c.image.channels * static_cast<std::int64_t>(c.taps.size()) : 0;
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for_each_padded(c, x, begin, end, [&](std::int64_t i, const scalar_t* padded) {
        correlate(c, rows, padded, w + i * weights, b, adds, z + i * rows * c.height * c.width);
      });
    });
  });
}

}  // namespace

bool reads_images(const ConvGeometry& g) {
  return g.groups == 1 && g.channels <= kChannels && !g.pointwise() && in_whole_vectors(g.out_height(), g.out_width());
}

bool reads_delta(const ConvGeometry& g) {
  return g.groups == 1 && g.channels <= kChannels && !g.pointwise() && g.stride_height == 1 && g.stride_width == 1 &&
         std::max(g.pad_top, g.pad_bottom) <= reach_down(g) && std::max(g.pad_left, g.pad_right) <= reach_right(g) &&
         in_whole_vectors(g.height, g.width);
}

bool sums_positions(const ConvGeometry& g) {
  constexpr std::int64_t kPositions = 512;
  return g.groups == 1 && !g.pointwise() && g.out_width() % 16 == 0 && g.positions() >= kPositions;
}

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum) {
  const std::int64_t out = weight.size(0);
  at::Tensor result = sum_or_new(sum, {images.size(0), out, g.out_height(), g.out_width()}, images.options());
  correlate_images(of_images(g), out, images, weight, false, bias, sum.defined(), result);
  return result;
}

at::Tensor conv_backward_images(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum) {
  at::Tensor result = sum_or_new(sum, {delta.size(0), g.channels, g.height, g.width}, delta.options());
  correlate_images(of_delta(g, weight.size(0)), g.channels, delta, weight, false, {}, sum.defined(), result);
  return result;
}

void conv_add_weight_gradient(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient) {
  const Correlation c = of_images(g);
  const std::int64_t out = delta.size(1);
  const std::vector<std::int64_t> columns = columns_of(c);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "direct conv_add_weight_gradient", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    add_by_threads<scalar_t>(images.size(0), gradient, [&](std::int64_t begin, std::int64_t end, scalar_t* sum) {
      for_each_padded(c, x, begin, end, [&](std::int64_t i, const scalar_t* padded) {
        tap_products(c, columns, out, padded, d + i * out * g.positions(), true, sum);
      });
    });
  });
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  const Correlation c = of_images(g);
  const std::vector<std::int64_t> columns = columns_of(c);
  at::Tensor result = at::empty({images.size(0), delta.size(1), delta.size(2), g.patch()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "direct conv_jacobian", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    auto* j = result.data_ptr<scalar_t>();
    const std::int64_t rows = delta.size(1) * delta.size(2);
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for_each_padded(c, x, begin, end, [&](std::int64_t i, const scalar_t* padded) {
        tap_products(c, columns, rows, padded, d + i * rows * g.positions(), false, j + i * rows * g.patch());
      });
    });
  });
  return result;
}

at::Tensor jacobian_delta_bar(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              const at::Tensor& cotangent) {
  at::Tensor result = at::empty_like(delta);
  correlate_images(of_images(g), delta.size(1) * delta.size(2), images, cotangent, true, {}, false, result);
  return result;
}

at::Tensor jacobian_images_bar(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& cotangent) {
  at::Tensor result = at::empty({delta.size(0), g.channels, g.height, g.width}, delta.options());
  const Correlation c = of_delta(g, delta.size(1) * delta.size(2));
  correlate_images(c, g.channels, delta, cotangent, true, {}, false, result);
  return result;
}

}  // namespace ntt::direct
