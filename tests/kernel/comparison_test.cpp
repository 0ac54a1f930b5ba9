#include "ntt/kernel/comparison.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ntt {
namespace {

TEST(KernelComparison, SumsOverBlocks) {
  KernelComparison comparison;
  comparison.add(at::tensor({1.0F, 2.0F}), at::tensor({1.0F, 4.0F}));
  comparison.add(at::tensor({-1.0F}), at::tensor({2.0F}));
  EXPECT_DOUBLE_EQ(comparison.distance(), (0 + 4 + 9) / 3.0);
  EXPECT_DOUBLE_EQ(comparison.alignment(), (1 + 8 - 2) / std::sqrt(6.0 * 21.0));
}

TEST(KernelComparison, AlignmentDoesNotDependOnScaleAndDistanceDoes) {
  KernelComparison comparison;
  const at::Tensor kernel = at::tensor({3.0, -1.0, 2.0}, at::kDouble);
  comparison.add(2 * kernel, kernel);
  EXPECT_DOUBLE_EQ(comparison.alignment(), 1);
  EXPECT_DOUBLE_EQ(comparison.distance(), 14.0 / 3);
}

}  // namespace
}  // namespace ntt
