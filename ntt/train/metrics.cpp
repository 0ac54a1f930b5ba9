#include "ntt/train/metrics.h"

#include <ATen/ATen.h>

#include "ntt/nn/cross_entropy.h"

namespace ntt {

double accuracy(const at::Tensor& outputs, const at::Tensor& labels) {
  const auto right = outputs.argmax(1).eq(labels).sum().item<std::int64_t>();
  return static_cast<double>(right) / static_cast<double>(labels.size(0));
}

Score score(const at::Tensor& outputs, const at::Tensor& labels) {
  return {accuracy(outputs, labels), cross_entropy(outputs, labels).loss};
}

}  // namespace ntt
