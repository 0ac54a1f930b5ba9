#include "ntt/sparse/break_even.h"

#include <gtest/gtest.h>

namespace ntt {
namespace {

TEST(BreakEvenTest, LiesBetweenTheDensitiesWhereTheRatioCrossesOne) {
  // Sparse time goes with the density, so that the ratio is one exactly at 0.2.
  std::vector<DensityTime> times;
  for (const double density : {1.0, 0.05, 0.5, 0.1}) {
    times.push_back({density, 2, 10 * density});
  }
  EXPECT_NEAR(break_even_density(times).value(), 0.2, 1e-12);
}

TEST(BreakEvenTest, IsTheLargestDensityWhereSparseIsNeverSlower) {
  EXPECT_EQ(break_even_density({{0.1, 5, 1}, {0.5, 5, 5}}), 0.5);
}

TEST(BreakEvenTest, IsNothingWhereSparseIsSlowerAtTheSmallestDensity) {
  EXPECT_FALSE(break_even_density({{0.5, 5, 4}, {0.1, 2, 3}}).has_value());
  EXPECT_FALSE(break_even_density({}).has_value());
}

TEST(BreakEvenTest, StopsAtTheFirstDensityThatIsSlower) {
  const double found = break_even_density({{0.1, 4, 1}, {0.4, 1, 4}, {1, 9, 1}}).value();
  EXPECT_NEAR(found, 0.2, 1e-12);
}

}  // namespace
}  // namespace ntt
