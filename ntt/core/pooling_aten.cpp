#include <ATen/ATen.h>

#include <limits>

#include "ntt/core/pooling.h"

namespace ntt::aten {
namespace {

/// One axis of a pooling.
struct Axis {
  std::int64_t kernel, stride, before, after, dilation, size, out_size;
};

Axis rows_of(const PoolGeometry& g, std::int64_t height) {
  return {g.kernel_height, g.stride_height, g.pad_top, g.pad_bottom, g.dilation_height, height, g.out_height(height)};
}

Axis columns_of(const PoolGeometry& g, std::int64_t width) {
  return {g.kernel_width, g.stride_width, g.pad_left, g.pad_right, g.dilation_width, width, g.out_width(width)};
}

/// Padding behind the plane that the last window reaches.
std::int64_t reach(const Axis& axis) {
  const std::int64_t extent = (axis.out_size - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1;
  return std::max<std::int64_t>(0, extent - axis.before - axis.size);
}

/// Winners in planes with padding as winners in planes without. Where all entries of a window are minus infinity, the
/// first one won, which is moved out of the padding.
at::Tensor without_padding(const at::Tensor& winners, const Axis& rows, const Axis& columns) {
  const std::int64_t padded_width = columns.before + columns.size + reach(columns);
  const at::Tensor y = at::floor_divide(winners, padded_width).sub_(rows.before).clamp_(0, rows.size - 1);
  const at::Tensor x = at::remainder(winners, padded_width).sub_(columns.before).clamp_(0, columns.size - 1);
  return y * columns.size + x;
}

/// The means along one axis as a matrix [out_size, size]. Means over windows are means along one axis of means along
/// the other.
at::Tensor means(const Axis& axis, bool count_include_pad, at::TensorOptions options) {
  at::Tensor matrix = at::zeros({axis.out_size, axis.size}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (std::int64_t o = 0; o < axis.out_size; ++o) {
    std::int64_t count = 0;
    for (std::int64_t k = 0; k < axis.kernel; ++k) {
      const std::int64_t i = o * axis.stride + k * axis.dilation - axis.before;
      if (i >= 0 && i < axis.size) {
        entries[o][i] = 1;
        ++count;
      } else if (count_include_pad && i < axis.size + axis.after) {
        ++count;
      }
    }
    matrix[o].div_(static_cast<double>(std::max<std::int64_t>(1, count)));
  }
  return matrix.to(options);
}

at::Tensor for_every_probe(const at::Tensor& winners, std::int64_t probes) {
  const at::Tensor flat = winners.flatten(2).unsqueeze(1).to(at::kLong);
  return flat.expand({flat.size(0), probes, flat.size(2), flat.size(3)});
}

}  // namespace

std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& g, const at::Tensor& images) {
  const Axis rows = rows_of(g, images.size(2));
  const Axis columns = columns_of(g, images.size(3));
  const bool padded = rows.before > 0 || columns.before > 0 || reach(rows) > 0 || reach(columns) > 0;
  // at::max_pool2d knows only the same padding on both sides.
  const at::Tensor planes =
      padded ? at::constant_pad_nd(images, {columns.before, reach(columns), rows.before, reach(rows)},
                                   -std::numeric_limits<double>::infinity())
             : images;
  auto [maxima, winners] =
      at::max_pool2d_with_indices(planes, {g.kernel_height, g.kernel_width}, {g.stride_height, g.stride_width}, {0, 0},
                                  {g.dilation_height, g.dilation_width});
  return {maxima, (padded ? without_padding(winners, rows, columns) : winners).to(at::kInt)};
}

at::Tensor average_pool(const PoolGeometry& g, bool count_include_pad, const at::Tensor& images) {
  const at::Tensor by_row = means(rows_of(g, images.size(2)), count_include_pad, images.options());
  const at::Tensor by_column = means(columns_of(g, images.size(3)), count_include_pad, images.options());
  return at::matmul(at::matmul(by_row, images), by_column.t());
}

at::Tensor average_pool_spread(const PoolGeometry& g, bool count_include_pad, const at::Tensor& cotangents,
                               std::int64_t height, std::int64_t width) {
  const at::Tensor by_row = means(rows_of(g, height), count_include_pad, cotangents.options());
  const at::Tensor by_column = means(columns_of(g, width), count_include_pad, cotangents.options());
  return at::matmul(at::matmul(by_row.t(), cotangents), by_column);
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

}  // namespace ntt::aten
