#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace ntt {

/// Pooling windows on planes of any size. Paddings are not negative; a window fits into the padded plane, and each side
/// has less padding than a window has entries, so that no window lies wholly in the padding.
struct PoolGeometry {
  std::int64_t kernel_height = 2;
  std::int64_t kernel_width = 2;
  std::int64_t stride_height = 2;
  std::int64_t stride_width = 2;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
  std::int64_t pad_bottom = 0;
  std::int64_t pad_right = 0;
  std::int64_t dilation_height = 1;
  std::int64_t dilation_width = 1;
  /// Whether a last window may reach beyond the padding, if it begins inside the plane or the padding before it, as
  /// PyTorch and ONNX have it.
  bool ceil_mode = false;

  std::int64_t out_height(std::int64_t height) const {
    return out_size(height, pad_top, pad_bottom, dilation_height * (kernel_height - 1) + 1, stride_height);
  }
  std::int64_t out_width(std::int64_t width) const {
    return out_size(width, pad_left, pad_right, dilation_width * (kernel_width - 1) + 1, stride_width);
  }

 private:
  std::int64_t out_size(std::int64_t size, std::int64_t before, std::int64_t after, std::int64_t extent,
                        std::int64_t stride) const {
    const std::int64_t count = (size + before + after - extent + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    return ceil_mode && (count - 1) * stride >= size + before ? count - 1 : count;
  }
};

/// Maxima of images [n, c, h, w] and where they came from: ([n, c, oh, ow], int32 offsets into each h*w plane). Padding
/// counts as minus infinity and never wins; the first of equal values wins, and NaN before all, as in PyTorch. (A
/// window wholly in the padding would give minus infinity, and an offset that is valid but means nothing.)
std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& geometry, const at::Tensor& images);

/// Picks the inputs that won: values [n, k, c, h, w] to [n, k, c, oh, ow], one choice [n, c, oh, ow] for all k.
at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners);

/// The transpose of pool_gather: sends cotangents [n, k, c, oh, ow] to the winners among [n, k, c, height, width].
at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width);

/// Means of images [n, c, h, w] over windows: [n, c, oh, ow].
/// @param count_include_pad whether a mean is over all entries of its window that lie in the padded plane, padding
///     being 0, or over those in the plane alone
at::Tensor average_pool(const PoolGeometry& geometry, bool count_include_pad, const at::Tensor& images);

/// The transpose of average_pool: spreads cotangents [n, c, oh, ow] over [n, c, height, width].
at::Tensor average_pool_spread(const PoolGeometry& geometry, bool count_include_pad, const at::Tensor& cotangents,
                               std::int64_t height, std::int64_t width);

/// The same functions written in ATen operations alone, for devices that have no code of their own.
namespace aten {
std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& geometry, const at::Tensor& images);
at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners);
at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width);
at::Tensor average_pool(const PoolGeometry& geometry, bool count_include_pad, const at::Tensor& images);
at::Tensor average_pool_spread(const PoolGeometry& geometry, bool count_include_pad, const at::Tensor& cotangents,
                               std::int64_t height, std::int64_t width);
}  // namespace aten

}  // namespace ntt
