#include "ntt/core/pooling.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "tests/core/numerics.h"

namespace ntt {
namespace {

struct PoolCase {
  PoolGeometry geometry;
  std::int64_t height;
  std::int64_t width;

  std::int64_t out_height() const { return geometry.out_height(height); }
  std::int64_t out_width() const { return geometry.out_width(width); }
};

PoolCase square(std::int64_t kernel, std::int64_t stride, std::int64_t height, std::int64_t width) {
  const PoolGeometry geometry{
      .kernel_height = kernel, .kernel_width = kernel, .stride_height = stride, .stride_width = stride};
  return {geometry, height, width};
}

PoolCase padded(PoolCase pool, std::int64_t top, std::int64_t left, std::int64_t bottom, std::int64_t right) {
  pool.geometry.pad_top = top;
  pool.geometry.pad_left = left;
  pool.geometry.pad_bottom = bottom;
  pool.geometry.pad_right = right;
  return pool;
}

PoolCase dilated(PoolCase pool, std::int64_t by_height, std::int64_t by_width) {
  pool.geometry.dilation_height = by_height;
  pool.geometry.dilation_width = by_width;
  return pool;
}

PoolCase oblong(PoolCase pool, std::int64_t kernel_height, std::int64_t stride_height) {
  pool.geometry.kernel_height = kernel_height;
  pool.geometry.stride_height = stride_height;
  return pool;
}

/// Each also in ceil_mode.
std::vector<PoolCase> make_cases() {
  std::vector<PoolCase> result{
      square(2, 2, 2, 2),
      square(2, 2, 7, 9),
      square(2, 2, 24, 24),
      square(2, 1, 5, 6),
      square(3, 2, 8, 9),
      square(3, 3, 10, 11),
      square(1, 1, 4, 3),
      square(1, 3, 7, 10),
      square(5, 1, 5, 5),
      square(2, 3, 9, 23),
      square(4, 2, 19, 37),
      square(7, 7, 7, 7),                                     // global
      oblong(square(3, 2, 1, 21), 1, 1),                      // one dimension
      oblong(square(2, 1, 9, 8), 4, 3),                       // axes of their own
      padded(square(3, 2, 8, 9), 1, 1, 1, 1),                 // as behind the first convolution of a ResNet
      padded(square(3, 1, 5, 40), 1, 1, 1, 1),                // of the same size
      padded(square(3, 2, 7, 10), 0, 2, 1, 0),                // uneven
      padded(square(4, 3, 6, 7), 3, 0, 2, 3),                 // windows with one entry in the plane
      padded(square(5, 1, 2, 2), 2, 2, 2, 2),                 // windows larger than the plane
      padded(square(2, 2, 3, 3), 1, 1, 0, 0),                 // ceil_mode: a window that would begin behind the plane
      padded(square(2, 3, 4, 6), 1, 1, 1, 1),                 // likewise
      dilated(square(3, 2, 12, 13), 2, 3),                    // dilated
      padded(dilated(square(2, 1, 6, 9), 3, 2), 1, 1, 1, 1),  // reads padding, skips, reads the plane
      padded(dilated(square(3, 2, 9, 8), 2, 2), 1, 1, 0, 1),  // all together
      oblong(padded(square(3, 2, 1, 20), 0, 1, 0, 1), 1, 1),  // one dimension with padding
  };
  for (std::size_t i = 0, count = result.size(); i < count; ++i) {
    result.push_back(result[i]);
    result.back().geometry.ceil_mode = true;
  }
  return result;
}

const std::vector<PoolCase> kCases = make_cases();

/// Threads and inputs.
const std::vector<std::pair<int, std::int64_t>> kBatches{{1, 0}, {1, 3}, {2, 1}, {3, 3}};

/// The entries of window (oy, ox) that lie in the plane, as offsets into it.
std::vector<std::int64_t> window_of(const PoolCase& c, std::int64_t oy, std::int64_t ox) {
  const PoolGeometry& g = c.geometry;
  std::vector<std::int64_t> result;
  for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
      const std::int64_t y = oy * g.stride_height + ky * g.dilation_height - g.pad_top;
      const std::int64_t x = ox * g.stride_width + kx * g.dilation_width - g.pad_left;
      if (y >= 0 && y < c.height && x >= 0 && x < c.width) {
        result.push_back(y * c.width + x);
      }
    }
  }
  return result;
}

std::pair<at::Tensor, at::Tensor> plain_max_pool(const PoolCase& c, const at::Tensor& images) {
  at::Tensor maxima = at::empty({images.size(0) * images.size(1), c.out_height(), c.out_width()}, at::kDouble);
  at::Tensor winners = at::empty(maxima.sizes(), at::kInt);
  const at::Tensor doubles = images.to(at::kDouble).view({maxima.size(0), c.height * c.width});
  const auto x = doubles.accessor<double, 2>();
  auto y = maxima.accessor<double, 3>();
  auto w = winners.accessor<std::int32_t, 3>();
  for (std::int64_t plane = 0; plane < maxima.size(0); ++plane) {
    for (std::int64_t oy = 0; oy < c.out_height(); ++oy) {
      for (std::int64_t ox = 0; ox < c.out_width(); ++ox) {
        const std::vector<std::int64_t> window = window_of(c, oy, ox);
        std::int64_t best = window.at(0);
        for (const std::int64_t place : window) {
          best = x[plane][place] > x[plane][best] ? place : best;
        }
        y[plane][oy][ox] = x[plane][best];
        w[plane][oy][ox] = static_cast<std::int32_t>(best);
      }
    }
  }
  const std::vector<std::int64_t> sizes{images.size(0), images.size(1), c.out_height(), c.out_width()};
  return {maxima.view(sizes), winners.view(sizes)};
}

/// The matrix [outputs, entries of a plane] of an average pooling.
at::Tensor plain_means(const PoolCase& c, bool count_include_pad) {
  const PoolGeometry& g = c.geometry;
  at::Tensor matrix = at::zeros({c.out_height() * c.out_width(), c.height * c.width}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (std::int64_t oy = 0; oy < c.out_height(); ++oy) {
    for (std::int64_t ox = 0; ox < c.out_width(); ++ox) {
      std::int64_t rows = 0;  // of the window, in the padded plane
      for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
        rows += oy * g.stride_height + ky * g.dilation_height < g.pad_top + c.height + g.pad_bottom ? 1 : 0;
      }
      std::int64_t columns = 0;
      for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
        columns += ox * g.stride_width + kx * g.dilation_width < g.pad_left + c.width + g.pad_right ? 1 : 0;
      }
      const std::vector<std::int64_t> window = window_of(c, oy, ox);
      const auto count = count_include_pad ? rows * columns : static_cast<std::int64_t>(window.size());
      for (const std::int64_t place : window) {
        entries[oy * c.out_width() + ox][place] = 1.0 / static_cast<double>(count);
      }
    }
  }
  return matrix;
}

class PoolingTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::ScalarType dtype() const { return GetParam(); }

  template <typename Check>
  static void for_each_pool(Check&& check) {
    for (const PoolCase& pool : kCases) {
      const PoolGeometry& g = pool.geometry;
      SCOPED_TRACE(fmt::format("kernel {}x{} stride {}x{} padding {},{},{},{} dilation {}x{}{} on {}x{}",
                               g.kernel_height, g.kernel_width, g.stride_height, g.stride_width, g.pad_top, g.pad_left,
                               g.pad_bottom, g.pad_right, g.dilation_height, g.dilation_width,
                               g.ceil_mode ? " ceil" : "", pool.height, pool.width));
      check(pool);
    }
  }
};

TEST_P(PoolingTest, MaximaAndWinnersEqualPlainLoops) {
  for_each_pool([&](const PoolCase& pool) {
    for (const auto& [count, n] : kBatches) {
      const ThreadsGuard guard(count);
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

TEST_P(PoolingTest, AveragesEqualPlainLoops) {
  for_each_pool([&](const PoolCase& pool) {
    for (const bool include : {false, true}) {
      const at::Tensor matrix = plain_means(pool, include);
      for (const auto& [count, n] : kBatches) {
        const ThreadsGuard guard(count);
        const at::Tensor images = draw({n, 5, pool.height, pool.width}, 1, dtype());
        const at::Tensor means = average_pool(pool.geometry, include, images);
        const at::Tensor expected = at::matmul(images.to(at::kDouble).flatten(2), matrix.t()).view(means.sizes());
        EXPECT_EQ(means.scalar_type(), dtype());
        EXPECT_EQ(means.sizes(), (at::IntArrayRef{n, 5, pool.out_height(), pool.out_width()}));
        EXPECT_LT(error_of(means, expected), tolerance(dtype()));
        EXPECT_LT(error_of(aten::average_pool(pool.geometry, include, images), expected), tolerance(dtype()));

        const at::Tensor cotangents = draw(means.sizes(), 2, dtype());
        const at::Tensor spread = average_pool_spread(pool.geometry, include, cotangents, pool.height, pool.width);
        const at::Tensor transposed = at::matmul(cotangents.to(at::kDouble).flatten(2), matrix).view(images.sizes());
        EXPECT_LT(error_of(spread, transposed), tolerance(dtype()));
        const at::Tensor by_aten =
            aten::average_pool_spread(pool.geometry, include, cotangents, pool.height, pool.width);
        EXPECT_LT(error_of(by_aten, transposed), tolerance(dtype()));
      }
    }
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
      return std::vector<at::Tensor>{maxima,
                                     winners,
                                     scattered,
                                     pool_gather(scattered, winners),
                                     average_pool(pool.geometry, true, images),
                                     average_pool_spread(pool.geometry, true, maxima, pool.height, pool.width)};
    };
    const auto one = run(1);
    const auto two = run(2);
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(at::equal(one[i], two[i])) << i;
    }
  });
}

/// Where PyTorch has these poolings: the plain loops above are PyTorch's.
TEST_P(PoolingTest, IsPyTorchs) {
  std::size_t compared = 0;
  for_each_pool([&](const PoolCase& pool) {
    const PoolGeometry& g = pool.geometry;
    if (g.pad_top != g.pad_bottom || g.pad_left != g.pad_right || 2 * g.pad_top > g.kernel_height ||
        2 * g.pad_left > g.kernel_width) {
      return;
    }
    ++compared;
    const at::Tensor images = draw({2, 5, pool.height, pool.width}, 1, dtype());
    const std::vector<std::int64_t> kernel{g.kernel_height, g.kernel_width};
    const std::vector<std::int64_t> stride{g.stride_height, g.stride_width};
    const std::vector<std::int64_t> padding{g.pad_top, g.pad_left};
    const auto [expected, expected_winners] = at::max_pool2d_with_indices(
        images, kernel, stride, padding, {g.dilation_height, g.dilation_width}, g.ceil_mode);
    const auto [maxima, winners] = max_pool(g, images);
    EXPECT_TRUE(at::equal(maxima, expected));
    EXPECT_TRUE(at::equal(winners, expected_winners.to(at::kInt)));
    if (g.dilation_height != 1 || g.dilation_width != 1) {
      return;
    }
    for (const bool include : {false, true}) {
      const at::Tensor means = at::avg_pool2d(images, kernel, stride, padding, g.ceil_mode, include);
      EXPECT_LT(error_of(average_pool(g, include, images), means), tolerance(dtype()));
      const at::Tensor spread =
          at::avg_pool2d_backward(means, images, kernel, stride, padding, g.ceil_mode, include, {});
      EXPECT_LT(error_of(average_pool_spread(g, include, means, pool.height, pool.width), spread), tolerance(dtype()));
    }
  });
  EXPECT_GT(compared, kCases.size() / 2);
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
      const auto [maxima, winners] = max_pool(PoolGeometry{}, image);
      const auto [expected, expected_winners] = aten::max_pool(PoolGeometry{}, image);
      EXPECT_TRUE(at::allclose(maxima, expected, 0, 0, true)) << image;
      EXPECT_EQ(winners.item<std::int32_t>(), expected_winners.item<std::int32_t>()) << image;
    }
  }
}

TEST(MaxPool, TakesTheFirstEntryInThePlaneOfWindowsOfMinusInfinity) {
  const PoolGeometry geometry{
      .kernel_height = 3, .kernel_width = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor image = at::full({1, 1, 4, 4}, -std::numeric_limits<double>::infinity(), dtype);
    const at::Tensor expected = at::tensor(std::vector<std::int32_t>{0, 1, 4, 5}, at::kInt).view({1, 1, 2, 2});
    EXPECT_TRUE(at::equal(max_pool(geometry, image).second, expected));
    EXPECT_TRUE(at::equal(aten::max_pool(geometry, image).second, expected));
  }
}

}  // namespace
}  // namespace ntt
