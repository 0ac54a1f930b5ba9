#include "ntt/ops/broadcast.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"

namespace ntt {
namespace {

Shape with_ones(const Shape& shape, std::size_t axes) {
  Shape aligned(axes - std::min(axes, shape.size()), 1);
  aligned.insert(aligned.end(), shape.begin(), shape.end());
  return aligned;
}

}  // namespace

Shape broadcast_shape(const Shape& a, const Shape& b) {
  const std::size_t axes = std::max(a.size(), b.size());
  const Shape left = with_ones(a, axes);
  const Shape right = with_ones(b, axes);
  Shape result(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    if (left[i] != right[i] && left[i] != 1 && right[i] != 1) {
      fail_input("its inputs {} and {} have shapes that do not fit together", to_string(a), to_string(b));
    }
    result[i] = left[i] == 1 ? right[i] : left[i];
  }
  return result;
}

at::Tensor align_axes(const at::Tensor& values, std::int64_t leading, const Shape& to) {
  const std::int64_t missing = static_cast<std::int64_t>(to.size()) + leading - values.dim();
  if (missing <= 0) {
    return values;
  }
  Shape sizes = values.sizes().vec();
  sizes.insert(sizes.begin() + leading, static_cast<std::size_t>(missing), 1);
  return values.reshape(sizes);
}

at::Tensor sum_to(const at::Tensor& values, std::int64_t leading, const Shape& shape) {
  const auto axes = static_cast<std::size_t>(values.dim() - leading);
  const Shape aligned = with_ones(shape, axes);
  std::vector<std::int64_t> summed;
  for (std::size_t i = 0; i < axes; ++i) {
    const auto axis = static_cast<std::int64_t>(i) + leading;
    if (aligned[i] == 1 && values.size(axis) != 1) {
      summed.push_back(axis);
    }
  }
  const at::Tensor result = summed.empty() ? values : values.sum(summed, true);
  Shape sizes = values.sizes().slice(0, static_cast<std::size_t>(leading)).vec();
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return result.reshape(sizes).contiguous();
}

}  // namespace ntt
