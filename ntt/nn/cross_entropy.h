#pragma once

#include <ATen/core/Tensor.h>

namespace ntt {

/// The cross-entropy of a batch and its derivative.
struct CrossEntropy {
  double loss = 0;       ///< mean over inputs of -log softmax(outputs)[label]
  at::Tensor cotangent;  ///< [N, C], the loss's derivative by the outputs: (softmax - onehot) / N
};

/// outputs [N, C], labels int64 [N] of 0 to C-1.
CrossEntropy cross_entropy(const at::Tensor& outputs, const at::Tensor& labels);

}  // namespace ntt
