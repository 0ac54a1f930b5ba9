#include "ntt/kernel/comparison.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ntt {

void KernelComparison::add(const at::Tensor& kernel, const at::Tensor& reference) {
  const at::Tensor x = kernel.to(at::kDouble);
  const at::Tensor y = reference.to(at::kDouble);
  entries_ += x.numel();
  squares_ += x.square().sum().item<double>();
  reference_squares_ += y.square().sum().item<double>();
  products_ += (x * y).sum().item<double>();
  difference_squares_ += (x - y).square().sum().item<double>();
}

double KernelComparison::alignment() const {
  return products_ / std::sqrt(squares_ * reference_squares_);
}

}  // namespace ntt
