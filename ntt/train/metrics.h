#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/core/api.h"

namespace ntt {

/// The share of outputs [N, C] whose largest entry is the label's, labels int64 [N].
NTT_API double accuracy(const at::Tensor& outputs, const at::Tensor& labels);

/// How well a network classifies.
struct Score {
  double accuracy = 0;
  double loss = 0;           ///< cross-entropy
  double top5_accuracy = 0;  ///< the share whose label is among the five largest entries; NaN of five classes or fewer
};

/// Of outputs [N, C] with labels int64 [N], N >= 1.
NTT_API Score score(const at::Tensor& outputs, const at::Tensor& labels);

}  // namespace ntt
