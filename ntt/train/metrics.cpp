#include "ntt/train/metrics.h"

#include <ATen/ATen.h>

#include <limits>

#include "ntt/nn/cross_entropy.h"

namespace ntt {
namespace {

double top5_accuracy(const at::Tensor& outputs, const at::Tensor& labels) {
  constexpr std::int64_t kFive = 5;
  if (outputs.size(1) <= kFive) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const at::Tensor largest = std::get<1>(outputs.topk(kFive, 1));
  const auto right = largest.eq(labels.unsqueeze(1)).sum().item<std::int64_t>();
  return static_cast<double>(right) / static_cast<double>(labels.size(0));
}

}  // namespace

double accuracy(const at::Tensor& outputs, const at::Tensor& labels) {
  const auto right = outputs.argmax(1).eq(labels).sum().item<std::int64_t>();
  return static_cast<double>(right) / static_cast<double>(labels.size(0));
}

Score score(const at::Tensor& outputs, const at::Tensor& labels) {
  return {accuracy(outputs, labels), cross_entropy(outputs, labels).loss, top5_accuracy(outputs, labels)};
}

}  // namespace ntt
