#pragma once

#include <ATen/core/Tensor.h>

namespace ntt {

/// The share of outputs [N, C] whose largest entry is the label's, labels int64 [N].
double accuracy(const at::Tensor& outputs, const at::Tensor& labels);

/// How well a network classifies.
struct Score {
  double accuracy = 0;
  double loss = 0;  ///< cross-entropy
};

/// Of outputs [N, C] with labels int64 [N], N >= 1.
Score score(const at::Tensor& outputs, const at::Tensor& labels);

}  // namespace ntt
