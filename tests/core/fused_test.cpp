#include "ntt/core/fused.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/core/numerics.h"

namespace ntt {
namespace {

struct Blocks {
  std::int64_t n, p, m, q;
};
const std::vector<Blocks> kBlocks{{1, 1, 1, 1},   {3, 1, 5, 1}, {2, 3, 4, 5},
                                  {4, 10, 3, 10}, {7, 2, 1, 3}, {40, 4, 33, 7}};
const std::vector<Blocks> kEmptyBlocks{{0, 2, 3, 2}, {3, 2, 0, 2}, {0, 0, 0, 0}, {3, 0, 4, 2}, {3, 2, 4, 0}};

/// inputs [n, m] with each entry repeated over its p x q block, in double.
at::Tensor repeated(const at::Tensor& inputs, const Blocks& b) {
  return inputs.to(at::kDouble).repeat_interleave(b.p, 0).repeat_interleave(b.q, 1);
}

at::Tensor block_sums(const at::Tensor& values, const Blocks& b) {
  at::Tensor sums = at::zeros({b.n, b.m}, at::kDouble);
  const at::Tensor doubles = values.to(at::kDouble).contiguous();
  for (std::int64_t i = 0; i < b.n * b.p; ++i) {
    for (std::int64_t j = 0; j < b.m * b.q; ++j) {
      sums.data_ptr<double>()[i / b.p * b.m + j / b.q] += doubles.data_ptr<double>()[i * b.m * b.q + j];
    }
  }
  return sums;
}

class FusedTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(FusedTest, BlockwiseProductsEqualPlainOnes) {
  for (const int count : {1, 2}) {
    const ThreadsGuard guard(count);
    for (const Blocks& b : kBlocks) {
      const at::Tensor inputs = draw({b.n, b.m}, 1, GetParam());
      const at::Tensor deltas = draw({b.n * b.p, b.m * b.q}, 2, GetParam());
      const at::Tensor before = draw({b.n * b.p, b.m * b.q}, 3, GetParam());
      const at::Tensor product = repeated(inputs, b) * deltas.to(at::kDouble);
      const auto check = [&](const auto& add, const auto& multiply) {
        at::Tensor kernel = before.clone();
        add(kernel, inputs, deltas);
        EXPECT_LT(error_of(kernel, before.to(at::kDouble) + product), tolerance(GetParam()));
        EXPECT_LT(error_of(multiply(inputs, deltas), product), tolerance(GetParam()));
      };
      check(add_blockwise_product, blockwise_product);
      check(aten::add_blockwise_product, aten::blockwise_product);
    }
  }
}

// A loop's vectorised body, its tail and its version for arrays too near each other must round alike: where a tensor
// lies is the allocator's affair, and no run repeats it.
TEST_P(FusedTest, ProductsDoNotDependOnWhereTheirTensorsLie) {
  for (const std::int64_t width : {1, 3, 8, 10, 12, 31, 33}) {
    const at::Tensor inputs = draw({1, width}, 1, GetParam());
    const at::Tensor deltas = draw({1, width}, 2, GetParam());
    const at::Tensor before = draw({1, width}, 3, GetParam());
    at::Tensor expected = before.clone();
    add_blockwise_product(expected, inputs, deltas);
    for (std::int64_t gap = 0; gap < 16; ++gap) {
      const at::Tensor room = at::empty({2 * width + gap}, before.options());
      const at::Tensor near = room.narrow(0, 0, width).view({1, width}).copy_(deltas);
      at::Tensor kernel = room.narrow(0, width + gap, width).view({1, width}).copy_(before);
      add_blockwise_product(kernel, inputs, near);
      EXPECT_TRUE(at::equal(kernel, expected)) << width << " wide, " << gap << " apart";
    }
  }
}

TEST_P(FusedTest, BlockwiseDotSumsItsBlocks) {
  for (const int count : {1, 2}) {
    const ThreadsGuard guard(count);
    for (const Blocks& b : kBlocks) {
      const at::Tensor x = draw({b.n * b.p, b.m * b.q}, 1, GetParam());
      const at::Tensor y = draw({b.n * b.p, b.m * b.q}, 2, GetParam());
      const at::Tensor expected = block_sums(x.to(at::kDouble) * y.to(at::kDouble), b);
      EXPECT_LT(error_of(blockwise_dot(x, y, b.n, b.m), expected), tolerance(GetParam()));
      EXPECT_LT(error_of(aten::blockwise_dot(x, y, b.n, b.m), expected), tolerance(GetParam()));
    }
  }
}

TEST_P(FusedTest, EmptyBlocksAreSumsOfNothing) {
  for (const Blocks& b : kEmptyBlocks) {
    const at::Tensor inputs = draw({b.n, b.m}, 1, GetParam());
    const at::Tensor values = draw({b.n * b.p, b.m * b.q}, 2, GetParam());
    const at::Tensor expected = at::zeros({b.n, b.m}, values.options());
    EXPECT_TRUE(at::equal(blockwise_dot(values, values, b.n, b.m), expected));
    EXPECT_EQ(blockwise_product(inputs, values).sizes(), values.sizes());
  }
}

TEST_P(FusedTest, SumOfSquaresIsTakenInDouble) {
  const at::Tensor values = draw({37, 11}, 1, GetParam());
  EXPECT_NEAR(sum_of_squares(values), values.to(at::kDouble).square().sum().item<double>(), 1e-10);
  EXPECT_NEAR(sum_of_squares(values.t()), sum_of_squares(values), 1e-10);
  EXPECT_EQ(sum_of_squares(at::empty({0, 3}, values.options())), 0);
  // In float32 sums a million times 1e-4 would be lost beside 1e8.
  at::Tensor uneven = at::full({1000001}, 1e-2, values.options());
  uneven[0] = 1e4;
  const double each = uneven[1].item<double>();
  EXPECT_NEAR(sum_of_squares(uneven), 1e8 + 1e6 * each * each, 1e-2);
}

TEST_P(FusedTest, SubtractAndSquareLeavesTheDifference) {
  const at::Tensor x = draw({13, 7}, 1, GetParam());
  const at::Tensor y = draw({13, 7}, 2, GetParam());
  for (const auto& function : {subtract_and_square, aten::subtract_and_square}) {
    at::Tensor difference = x.clone();
    EXPECT_NEAR(function(difference, y), (x - y).to(at::kDouble).square().sum().item<double>(), 1e-10);
    EXPECT_TRUE(at::equal(difference, x - y));
    at::Tensor nothing = at::empty({0}, x.options());
    EXPECT_EQ(function(nothing, nothing), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, FusedTest, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& parameter) { return parameter.param == at::kFloat ? "Float" : "Double"; });

}  // namespace
}  // namespace ntt
