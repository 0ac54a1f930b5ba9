#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace ntt {

/// Square pooling windows without padding ("valid").
struct PoolGeometry {
  std::int64_t kernel = 2;
  std::int64_t stride = 2;

  /// Outputs along an input side of this size.
  std::int64_t out_size(std::int64_t size) const { return (size - kernel) / stride + 1; }
};

/// Maxima of images [n, c, h, w] and where they came from: ([n, c, oh, ow], int32 offsets into each h*w plane). The
/// first of equal values wins, as in PyTorch.
std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& geometry, const at::Tensor& images);

/// Picks the inputs that won: values [n, k, c, h, w] to [n, k, c, oh, ow], one choice [n, c, oh, ow] for all k.
at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners);

/// The transpose of pool_gather: sends cotangents [n, k, c, oh, ow] to the winners among [n, k, c, height, width].
at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width);

namespace aten {
std::pair<at::Tensor, at::Tensor> max_pool(const PoolGeometry& geometry, const at::Tensor& images);
at::Tensor pool_gather(const at::Tensor& values, const at::Tensor& winners);
at::Tensor pool_scatter(const at::Tensor& cotangents, const at::Tensor& winners, std::int64_t height,
                        std::int64_t width);
}  // namespace aten

}  // namespace ntt
