#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/graph/graph.h"

namespace ntt {

/// The shape that two are broadcast to, aligned at their last axes as in NumPy; InputError where they do not fit.
Shape broadcast_shape(const Shape& a, const Shape& b);

/// Values [lead..., shape...] with as many axes after the first `leading` ones as `to` has: ones are put in front of
/// shape.
at::Tensor align_axes(const at::Tensor& values, std::int64_t leading, const Shape& to);

/// The transpose of broadcasting: values [lead..., to...] summed to [lead..., shape...], contiguous.
at::Tensor sum_to(const at::Tensor& values, std::int64_t leading, const Shape& shape);

}  // namespace ntt
