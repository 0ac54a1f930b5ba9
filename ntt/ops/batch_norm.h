#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "ntt/ops/operator.h"

namespace ntt {

/// Mean and variance (over the count, not one less) per channel of what a batch norm's node was last given: those of
/// its forward pass where it took the batch's, else computed anew.
std::pair<at::Tensor, at::Tensor> batch_moments(const NodeTape& tape);

}  // namespace ntt
