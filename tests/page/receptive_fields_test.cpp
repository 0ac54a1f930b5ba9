#include "ntt/page/receptive_fields.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace ntt {
namespace {

Parameter parameter(const at::Tensor& value) {
  Parameter weight;
  weight.shape = value.sizes().vec();
  weight.assign(value);
  return weight;
}

/// Equal, with NaN in the same places.
bool same(const at::Tensor& a, const at::Tensor& b) {
  return at::allclose(a, b, 0, 0, /*equal_nan=*/true);
}

TEST(ReceptiveFieldsTest, TheFullestUnitsComeFirst) {
  Parameter weight = parameter(at::arange(1, 9, at::kFloat).reshape({2, 4}));
  weight.set_mask(at::tensor({1.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F, 0.0F, 1.0F}).reshape({2, 4}));
  const double gap = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor fields = receptive_fields(weight, {1, 2, 2});
  ASSERT_TRUE(fields.defined());
  const at::Tensor expected = at::tensor({5.0, 6.0, gap, 1.0, 0.0,  //
                                          0.0, 8.0, gap, 0.0, 0.0},
                                         at::kDouble)
                                  .reshape({2, 5});
  EXPECT_TRUE(same(fields, expected)) << fields;
}

TEST(ReceptiveFieldsTest, AFilterIsAMeanOverItsChannels) {
  const at::Tensor fields =
      receptive_fields(parameter(at::tensor({1.0F, 2.0F, 3.0F, 6.0F}).reshape({1, 2, 1, 2})), {2, 8, 8});
  EXPECT_TRUE(same(fields, at::tensor({2.0, 4.0}, at::kDouble).reshape({1, 2}))) << fields;
}

TEST(ReceptiveFieldsTest, SixteenAtMostFourInARow) {
  const at::Tensor fields = receptive_fields(parameter(at::ones({20, 9})), {9});
  EXPECT_EQ(fields.sizes(), (at::IntArrayRef{15, 15}));
  EXPECT_EQ(fields.isnan().sum().item<std::int64_t>(), 15 * 15 - 16 * 9);
  EXPECT_EQ(receptive_fields(parameter(at::ones({5, 9})), {9}).sizes(), (at::IntArrayRef{7, 15}));
}

TEST(ReceptiveFieldsTest, WhatIsNoSquareImageHasNone) {
  EXPECT_FALSE(receptive_fields(parameter(at::ones({3, 8})), {8}).defined());
  EXPECT_FALSE(receptive_fields(parameter(at::ones({3, 16})), {1, 2, 8}).defined());
  EXPECT_FALSE(receptive_fields(parameter(at::ones({3, 1})), {1}).defined());
}

}  // namespace
}  // namespace ntt
