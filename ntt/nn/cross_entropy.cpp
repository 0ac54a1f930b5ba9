#include "ntt/nn/cross_entropy.h"

#include <ATen/ATen.h>

namespace ntt {

CrossEntropy cross_entropy(const at::Tensor& outputs, const at::Tensor& labels) {
  const at::Tensor places = labels.unsqueeze(1);
  const auto inputs = static_cast<double>(outputs.size(0));
  at::Tensor log_probabilities = outputs.log_softmax(1);
  CrossEntropy result;
  result.loss = -log_probabilities.gather(1, places).sum(at::kDouble).item<double>() / inputs;
  result.cotangent = log_probabilities.exp_();
  result.cotangent.scatter_add_(1, places, at::full_like(places, -1, outputs.options())).mul_(1 / inputs);
  return result;
}

}  // namespace ntt
