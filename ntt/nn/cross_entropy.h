#pragma once

#include <ATen/core/Tensor.h>

namespace ntt {

/// The cross-entropy of a batch and its derivative.
struct CrossEntropy {
  double loss = 0;       ///< mean over inputs of -Σ target · log softmax(outputs)
  at::Tensor cotangent;  ///< [N, C], the loss's derivative by the outputs: (softmax - target) / N
};

/// outputs [N, C], labels int64 [N] of 0 to C-1. The target is the label's one-hot vector, of which `smoothing` is
/// spread over all classes: (1 - smoothing) · onehot + smoothing / C (Szegedy et al., CVPR 2016).
CrossEntropy cross_entropy(const at::Tensor& outputs, const at::Tensor& labels, double smoothing = 0);

}  // namespace ntt
