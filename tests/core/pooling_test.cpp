#include "ntt/core/pooling.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/core/numerics.h"

namespace ntt {
namespace {

struct PoolCase {
  PoolGeometry geometry;
  std::int64_t height;
  std::int64_t width;
};

const std::vector<PoolCase> kCases{
    {{2, 2}, 2, 2}, {{2, 2}, 7, 9},  {{2, 2}, 24, 24}, {{2, 1}, 5, 6},  {{3, 2}, 8, 9},   {{3, 3}, 10, 11},
    {{1, 1}, 4, 3}, {{1, 3}, 7, 10}, {{5, 1}, 5, 5},   {{2, 3}, 9, 23}, {{4, 2}, 19, 37},
};

std::pair<at::Tensor, at::Tensor> plain_max_pool(const PoolCase& c, const at::Tensor& images) {
  const std::int64_t out_height = (c.height - c.geometry.kernel) / c.geometry.stride + 1;
  const std::int64_t out_width = (c.width - c.geometry.kernel) / c.geometry.stride + 1;
  at::Tensor maxima = at::empty({images.size(0), images.size(1), out_height, out_width}, at::kDouble);
  at::Tensor winners = at::empty(maxima.sizes(), at::kInt);
  const at::Tensor doubles = images.to(at::kDouble);
  const auto x = doubles.accessor<double, 4>();
  auto y = maxima.accessor<double, 4>();
  auto w = winners.accessor<std::int32_t, 4>();
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    for (std::int64_t ch = 0; ch < images.size(1); ++ch) {
      for (std::int64_t oy = 0; oy < out_height; ++oy) {
        for (std::int64_t ox = 0; ox < out_width; ++ox) {
          double best = -std::numeric_limits<double>::infinity();
          std::int64_t place = oy * c.geometry.stride * c.width + ox * c.geometry.stride;
          for (std::int64_t iy = oy * c.geometry.stride; iy < oy * c.geometry.stride + c.geometry.kernel; ++iy) {
            for (std::int64_t ix = ox * c.geometry.stride; ix < ox * c.geometry.stride + c.geometry.kernel; ++ix) {
              const double value = x[n][ch][iy][ix];
              if (value > best) {
                best = value;
                place = iy * c.width + ix;
              }
            }
          }
          y[n][ch][oy][ox] = best;
          w[n][ch][oy][ox] = static_cast<std::int32_t>(place);
        }
      }
    }
  }
  return {maxima, winners};
}

class PoolingTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::ScalarType dtype() const { return GetParam(); }

  template <typename Check>
  static void for_each_pool(Check&& check) {
    for (const PoolCase& pool : kCases) {
      SCOPED_TRACE(fmt::format("kernel {} stride {} on {}x{}", pool.geometry.kernel, pool.geometry.stride, pool.height,
                               pool.width));
      check(pool);
    }
  }
};

TEST_P(PoolingTest, MaximaAndWinnersEqualPlainLoops) {
  for_each_pool([&](const PoolCase& pool) {
    for (const int count : {1, 2}) {
      const ThreadsGuard guard(count);
      for (const std::int64_t n : {0, 1, 3}) {
        // Rounded, so that windows hold equal values, of which the first must win.
        const at::Tensor images = draw({n, 5, pool.height, pool.width}, 1, dtype()).mul_(2).round_();
        const auto [expected, expected_winners] = plain_max_pool(pool, images);
        const auto [maxima, winners] = max_pool(pool.geometry, images);
        EXPECT_EQ(maxima.scalar_type(), dtype());
        EXPECT_TRUE(at::equal(maxima.to(at::kDouble), expected));
        EXPECT_TRUE(at::equal(winners, expected_winners));
        if (n > 0) {
          const auto [aten_maxima, aten_winners] = aten::max_pool(pool.geometry, images);
          EXPECT_TRUE(at::equal(aten_maxima, maxima));
          EXPECT_TRUE(at::equal(aten_winners, winners));
        }
      }
    }
  });
}

TEST_P(PoolingTest, GatherPicksTheWinnersOfEveryProbe) {
  for_each_pool([&](const PoolCase& pool) {
    const auto [maxima, winners] = max_pool(pool.geometry, draw({3, 5, pool.height, pool.width}, 1, dtype()));
    for (const std::int64_t probes : {0, 1, 4}) {
      const at::Tensor values = draw({3, probes, 5, pool.height, pool.width}, 2, dtype());
      const at::Tensor picked = pool_gather(values, winners);
      ASSERT_EQ(picked.sizes(), (at::IntArrayRef{3, probes, 5, winners.size(2), winners.size(3)}));
      for (std::int64_t probe = 0; probe < probes; ++probe) {
        const at::Tensor expected = values.select(1, probe).flatten(2).gather(2, winners.flatten(2).to(at::kLong));
        EXPECT_TRUE(at::equal(picked.select(1, probe).flatten(2), expected));
      }
      EXPECT_TRUE(at::equal(aten::pool_gather(values, winners), picked));
    }
  });
}

TEST_P(PoolingTest, ScatterIsTheTransposeOfGather) {
  for_each_pool([&](const PoolCase& pool) {
    const std::int64_t height = pool.height;
    const std::int64_t width = pool.width;
    const auto [maxima, winners] = max_pool(pool.geometry, draw({3, 5, height, width}, 1, dtype()));
    const at::Tensor values = draw({3, 4, 5, height, width}, 2, dtype());
    const at::Tensor cotangents = draw({3, 4, 5, winners.size(2), winners.size(3)}, 3, dtype());
    const at::Tensor scattered = pool_scatter(cotangents, winners, height, width);
    const double by_values = (scattered * values).sum(at::kDouble).item<double>();
    const double by_cotangents = (cotangents * pool_gather(values, winners)).sum(at::kDouble).item<double>();
    const double scale = std::sqrt(static_cast<double>(cotangents.numel()));
    EXPECT_NEAR(by_values, by_cotangents, scale * tolerance(dtype()));
    EXPECT_LT(error_of(aten::pool_scatter(cotangents, winners, height, width), scattered), tolerance(dtype()));
    EXPECT_EQ(pool_scatter(cotangents.narrow(1, 0, 0).contiguous(), winners, height, width).numel(), 0);
  });
}

TEST_P(PoolingTest, AnswersDoNotDependOnTheNumberOfThreads) {
  for_each_pool([&](const PoolCase& pool) {
    const at::Tensor images = draw({16, 8, pool.height, pool.width}, 1, dtype());
    const auto run = [&](int count) {
      const ThreadsGuard guard(count);
      const auto [maxima, winners] = max_pool(pool.geometry, images);
      const at::Tensor cotangents = draw({16, 4, 8, winners.size(2), winners.size(3)}, 3, dtype());
      const at::Tensor scattered = pool_scatter(cotangents, winners, pool.height, pool.width);
      return std::vector<at::Tensor>{maxima, winners, scattered, pool_gather(scattered, winners)};
    };
    const auto one = run(1);
    const auto two = run(2);
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(at::equal(one[i], two[i])) << i;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Types, PoolingTest, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& parameter) { return parameter.param == at::kFloat ? "Float" : "Double"; });

TEST(MaxPool, OfNansAndInfinitiesIsPyTorchs) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> windows{
      {-kInfinity, -kInfinity, -kInfinity, -kInfinity},
      {1, kNan, 2, 3},
      {kNan, kInfinity, 2, 3},
      {kNan, 1, kNan, 0},
      {kInfinity, 1, kInfinity, 0},
      {-0.0, 0.0, -0.0, 0.0},
  };
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const auto& window : windows) {
      const at::Tensor image = at::tensor(window).to(dtype).view({1, 1, 2, 2});
      const auto [maxima, winners] = max_pool({2, 2}, image);
      const auto [expected, expected_winners] = aten::max_pool({2, 2}, image);
      EXPECT_TRUE(at::allclose(maxima, expected, 0, 0, true)) << image;
      EXPECT_EQ(winners.item<std::int32_t>(), expected_winners.item<std::int32_t>()) << image;
    }
  }
}

}  // namespace
}  // namespace ntt
