#include "ntt/page/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ntt {
namespace {

TEST(StatisticsTest, StudentsTIsThatOfTheTables) {
  EXPECT_NEAR(student_t_95(1), 12.7062, 1e-4);
  EXPECT_NEAR(student_t_95(2), 4.30265, 1e-5);
  EXPECT_NEAR(student_t_95(3), 3.18245, 1e-5);
  EXPECT_NEAR(student_t_95(4), 2.77645, 1e-5);
  EXPECT_NEAR(student_t_95(9), 2.26216, 1e-5);
  EXPECT_NEAR(student_t_95(10), 2.22814, 1e-5);
  EXPECT_NEAR(student_t_95(100), 1.98397, 1e-5);
}

TEST(StatisticsTest, TheIntervalIsTTimesTheStandardError) {
  // Mean 3, squares 4 + 1 + 9 = 14, s = sqrt(7), s / sqrt(3) = 1.527525, times 4.302653.
  const Estimate three = estimate({1, 2, 6});
  EXPECT_EQ(three.count, 3U);
  EXPECT_TRUE(three.has_interval());
  EXPECT_DOUBLE_EQ(three.mean, 3);
  EXPECT_NEAR(three.half_width, 6.572411, 1e-6);
}

TEST(StatisticsTest, OneValueHasNoInterval) {
  const Estimate one = estimate({0.5});
  EXPECT_FALSE(one.has_interval());
  EXPECT_DOUBLE_EQ(one.mean, 0.5);
  EXPECT_TRUE(std::isnan(one.half_width));
}

TEST(StatisticsTest, EqualValuesHaveAnIntervalOfNoWidth) {
  EXPECT_DOUBLE_EQ(estimate({2, 2}).half_width, 0);
}

TEST(StatisticsTest, EffectiveRankCountsEqualEigenvalues) {
  EXPECT_NEAR(effective_rank({5, 5, 5, 5}), 4, 1e-12);
  EXPECT_NEAR(effective_rank({7, 0, 0}), 1, 1e-12);
  // Shares 3/4 and 1/4: entropy 0.562335.
  EXPECT_NEAR(effective_rank({3, 1}), std::exp(0.5623351446188083), 1e-12);
  EXPECT_NEAR(effective_rank({3, 1, -1e-7}), effective_rank({3, 1}), 1e-12) << "rounding errors count as 0";
}

}  // namespace
}  // namespace ntt
