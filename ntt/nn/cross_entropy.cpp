#include "ntt/nn/cross_entropy.h"

#include <ATen/ATen.h>

namespace ntt {

CrossEntropy cross_entropy(const at::Tensor& outputs, const at::Tensor& labels, double smoothing) {
  const at::Tensor places = labels.unsqueeze(1);
  const auto inputs = static_cast<double>(outputs.size(0));
  at::Tensor log_probabilities = outputs.log_softmax(1);
  CrossEntropy result;
  result.loss = -log_probabilities.gather(1, places).sum(at::kDouble).item<double>() / inputs;
  if (smoothing > 0) {
    const double spread = -log_probabilities.mean(1).sum(at::kDouble).item<double>() / inputs;
    result.loss = (1 - smoothing) * result.loss + smoothing * spread;
  }
  result.cotangent = log_probabilities.exp_();
  result.cotangent.scatter_add_(1, places, at::full_like(places, smoothing - 1, outputs.options()));
  if (smoothing > 0) {
    result.cotangent.sub_(smoothing / static_cast<double>(outputs.size(1)));
  }
  result.cotangent.mul_(1 / inputs);
  return result;
}

}  // namespace ntt
