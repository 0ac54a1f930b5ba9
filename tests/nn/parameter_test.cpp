#include "ntt/ops/parameter.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace ntt {
namespace {

Parameter assigned() {
  Parameter parameter;
  parameter.assign(at::tensor({1.0F, -2.0F, 3.0F, -4.0F}));
  return parameter;
}

TEST(Parameter, WithoutMaskIsEffectiveAsItIs) {
  Parameter parameter = assigned();
  EXPECT_TRUE(parameter.effective.is_set_to(parameter.value)) << "one memory";
  EXPECT_FALSE(parameter.mask().defined());
  EXPECT_EQ(parameter.kept(), 4);
  parameter.value.mul_(2);
  parameter.refresh();
  EXPECT_TRUE(at::equal(parameter.effective, at::tensor({2.0F, -4.0F, 6.0F, -8.0F})));
}

TEST(Parameter, AMaskHidesValuesAndKeepsThem) {
  Parameter parameter = assigned();
  parameter.set_mask(at::tensor({1.0F, 0.0F, 0.0F, 1.0F}));
  EXPECT_TRUE(at::equal(parameter.effective, at::tensor({1.0F, 0.0F, 0.0F, -4.0F})));
  EXPECT_TRUE(at::equal(parameter.value, at::tensor({1.0F, -2.0F, 3.0F, -4.0F})));
  EXPECT_EQ(parameter.kept(), 2);
}

TEST(Parameter, RefreshFollowsTheValueThroughTheMask) {
  Parameter parameter = assigned();
  parameter.set_mask(at::tensor({1.0F, 0.0F, 0.0F, 1.0F}));
  parameter.value.add_(10);
  EXPECT_TRUE(at::equal(parameter.effective, at::tensor({1.0F, 0.0F, 0.0F, -4.0F}))) << "until refresh";
  parameter.refresh();
  EXPECT_TRUE(at::equal(parameter.effective, at::tensor({11.0F, 0.0F, 0.0F, 6.0F})));
}

TEST(Parameter, ANewMaskBringsPrunedValuesBack) {
  Parameter parameter = assigned();
  parameter.set_mask(at::tensor({1.0F, 0.0F, 0.0F, 1.0F}));
  parameter.set_mask(at::tensor({0.0F, 1.0F, 0.0F, 1.0F}));
  EXPECT_TRUE(at::equal(parameter.effective, at::tensor({0.0F, -2.0F, 0.0F, -4.0F})));
  parameter.set_mask({});
  EXPECT_TRUE(parameter.effective.is_set_to(parameter.value));
  EXPECT_EQ(parameter.kept(), 4);
}

TEST(Parameter, AssignDropsTheMask) {
  Parameter parameter = assigned();
  parameter.set_mask(at::zeros({4}));
  parameter.assign(at::ones({4}, at::kDouble));
  EXPECT_FALSE(parameter.mask().defined());
  EXPECT_TRUE(at::equal(parameter.effective, at::ones({4}, at::kDouble)));
}

TEST(Parameter, MayBeMaskedWhole) {
  Parameter parameter = assigned();
  parameter.set_mask(at::zeros({4}));
  EXPECT_EQ(parameter.kept(), 0);
  EXPECT_TRUE((parameter.effective == 0).all().item<bool>());
}

}  // namespace
}  // namespace ntt
