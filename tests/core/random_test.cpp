#include "ntt/core/random.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace ntt {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kSeedOfKeyZero = 0x2dbb232b04d7a710U;  // with an empty purpose, Philox's key is 0

std::vector<std::uint32_t> bits_of(RandomStream stream, std::size_t count) {
  std::vector<std::uint32_t> result(count);
  for (auto& word : result) {
    word = stream.bits();
  }
  return result;
}

std::vector<double> uniforms(RandomStream stream, std::size_t count) {
  std::vector<double> result(count);
  for (auto& value : result) {
    value = stream.uniform();
  }
  return result;
}

/// Σ (observed - expected)² / expected for equally likely bins: bins - 1 on average, deviation sqrt(2 (bins - 1)).
double chi_square(const std::vector<std::int64_t>& counts) {
  std::int64_t total = 0;
  for (const std::int64_t count : counts) {
    total += count;
  }
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double result = 0;
  for (const std::int64_t count : counts) {
    result += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
  }
  return result;
}

/// Five deviations: a sound generator fails once in a million seeds, and these seeds are fixed.
void expect_even(const std::vector<std::int64_t>& counts) {
  const double freedom = static_cast<double>(counts.size()) - 1;
  EXPECT_LT(std::abs(chi_square(counts) - freedom), 5 * std::sqrt(2 * freedom));
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - 0.5) * (b[i] - 0.5) * 12;
  }
  return sum / static_cast<double>(a.size());
}

TEST(RandomStream, IsPhilox4x32Of10Rounds) {
  // The first line is a known answer of the generator's authors (Random123, kat_vectors); the others are from an
  // independent implementation that gives their three.
  EXPECT_THAT(
      bits_of(RandomStream(kSeedOfKeyZero, ""), 8),
      ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0xf8e4cca4, 0x5cb200db, 0xb1a574eb, 0x097eff67));
  EXPECT_THAT(bits_of(RandomStream(kSeedOfKeyZero, "", 0x0123456789abcdefU), 4),
              ElementsAre(0x1083223b, 0xa4f40e0f, 0xea05c91e, 0x6e7c329e));
  EXPECT_THAT(bits_of(RandomStream(7, "teacher", 3), 4), ElementsAre(0x62145c12, 0xfbeb4d7f, 0x710c7eab, 0x6e4a6063))
      << "seeds of published results must go on meaning the same numbers";
}

TEST(RandomStream, IsAFunctionOfSeedPurposeAndIndex) {
  const auto reference = bits_of(RandomStream(1, "a", 2), 50);
  EXPECT_EQ(bits_of(RandomStream(1, "a", 2), 50), reference);
  std::set<std::vector<std::uint32_t>> streams{reference};
  const std::vector<RandomStream> others{{0, "a", 2}, {2, "a", 2},          {1, "b", 2}, {1, "", 2}, {1, "aa", 2},
                                         {1, "a", 3}, {1, "a", 1ULL << 40}, {2, "a", 1}, {1, "a", 0}};
  for (const RandomStream& other : others) {
    EXPECT_TRUE(streams.insert(bits_of(other, 50)).second);
  }
}

TEST(RandomStream, NeighboursAreUncorrelated) {
  constexpr std::size_t kCount = 20000;
  const double limit = 5 / std::sqrt(static_cast<double>(kCount));
  const auto reference = uniforms({1, "a", 2}, kCount);
  for (const RandomStream& other :
       {RandomStream{2, "a", 2}, RandomStream{0, "a", 2}, RandomStream{1, "b", 2}, RandomStream{1, "a", 3}}) {
    EXPECT_LT(std::abs(correlation(reference, uniforms(other, kCount))), limit);
  }
  const std::vector<double> later(reference.begin() + 1, reference.end());
  EXPECT_LT(std::abs(correlation(later, reference)), limit);
}

TEST(RandomStream, FirstDrawsOfManyStreamsAreUniform) {
  std::vector<std::int64_t> by_seed(64);
  std::vector<std::int64_t> by_index(64);
  for (std::uint64_t i = 0; i < 20000; ++i) {
    ++by_seed[RandomStream(i, "probes").bits() >> 26U];
    ++by_index[RandomStream(1, "probes", i).bits() >> 26U];
  }
  expect_even(by_seed);
  expect_even(by_index);
}

TEST(RandomStream, UniformFillsItsRangeEvenly) {
  constexpr unsigned kBits = 53;
  std::vector<std::vector<std::int64_t>> counts(kBits - 5, std::vector<std::int64_t>(64));
  for (const double value : uniforms({3, "uniform"}, 20000)) {
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    const auto bits = static_cast<std::uint64_t>(std::ldexp(value, kBits));
    ASSERT_EQ(std::ldexp(static_cast<double>(bits), -static_cast<int>(kBits)), value);
    for (unsigned shift = 0; shift < counts.size(); ++shift) {
      ++counts[shift][bits >> shift & 63U];
    }
  }
  for (const auto& of_six_bits : counts) {
    expect_even(of_six_bits);
  }
}

TEST(RandomStream, BelowIsEvenAndBelow) {
  RandomStream stream(4, "below");
  for (const std::uint64_t bound : {1U, 2U, 3U, 7U, 60U}) {
    std::vector<std::int64_t> counts(bound);
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t draw = stream.below(bound);
      ASSERT_LT(draw, bound);
      ++counts[draw];
    }
    if (bound > 1) {
      expect_even(counts);
    }
  }
}

TEST(RandomStream, BelowIsUnbiasedForBoundsNearTheWholeRange) {
  // Of 2^64 values, taking the remainder by 3 * 2^62 would give the lowest third twice the share of the others.
  RandomStream stream(5, "below");
  constexpr std::uint64_t kThird = 1ULL << 62U;
  std::vector<std::int64_t> counts(3);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t draw = stream.below(3 * kThird);
    ASSERT_LT(draw, 3 * kThird);
    ++counts[draw / kThird];
  }
  expect_even(counts);
}

TEST(RandomStream, NormalIsNormal) {
  RandomStream stream(6, "normal");
  constexpr int kCount = 100000;
  std::vector<std::int64_t> counts(50);
  std::array<double, 5> moments{};
  double neighbours = 0;
  double last = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.normal();
    ASSERT_TRUE(std::isfinite(value));
    const double distribution = 0.5 * std::erfc(-value / std::sqrt(2.0));
    ++counts[std::min<std::size_t>(49, static_cast<std::size_t>(distribution * 50))];
    for (std::size_t power = 1; power < moments.size(); ++power) {
      moments[power] += std::pow(value, power) / kCount;
    }
    neighbours += value * last / kCount;
    last = value;
  }
  expect_even(counts);
  const double deviation = 1 / std::sqrt(kCount);
  EXPECT_NEAR(moments[1], 0, 5 * deviation);
  EXPECT_NEAR(moments[2], 1, 5 * std::sqrt(2) * deviation);
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15) * deviation);
  EXPECT_NEAR(moments[4], 3, 5 * std::sqrt(96) * deviation);
  EXPECT_NEAR(neighbours, 0, 5 * deviation);
}

TEST(RandomNormal, IsTheStreamsNormalsScaled) {
  RandomStream drawn(7, "normal");
  RandomStream expected(7, "normal");
  const at::Tensor doubles = random_normal(drawn, {3, 5}, 0.25, at::kDouble);
  ASSERT_EQ(doubles.sizes(), (at::IntArrayRef{3, 5}));
  for (std::int64_t i = 0; i < 15; ++i) {
    EXPECT_EQ(doubles.flatten()[i].item<double>(), 0.25 * expected.normal());
  }
  RandomStream again(7, "normal");
  const at::Tensor floats = random_normal(again, {3, 5}, 0.25, at::kFloat);
  EXPECT_TRUE(at::equal(floats, doubles.to(at::kFloat))) << "one network, whatever its precision";
  EXPECT_EQ(random_normal(again, {0, 4}, 1, at::kFloat).sizes(), (at::IntArrayRef{0, 4}));
}

TEST(RandomPermutation, HoldsEachNumberOnce) {
  RandomStream stream(8, "order");
  for (const std::int64_t count : {0, 1, 2, 3, 10, 1001}) {
    const at::Tensor order = random_permutation(stream, count);
    EXPECT_EQ(order.scalar_type(), at::kLong);
    EXPECT_TRUE(at::equal(std::get<0>(order.sort()), at::arange(count, at::kLong)));
  }
}

TEST(RandomPermutation, IsReproducibleAndDiffersBetweenStreams) {
  const auto order_of = [](std::uint64_t seed, std::uint64_t index) {
    RandomStream stream(seed, "order", index);
    return random_permutation(stream, 100);
  };
  EXPECT_TRUE(at::equal(order_of(1, 0), order_of(1, 0)));
  EXPECT_FALSE(at::equal(order_of(1, 0), order_of(1, 1)));
  EXPECT_FALSE(at::equal(order_of(1, 0), order_of(2, 0)));
}

TEST(RandomPermutation, AllOrdersAreEquallyLikely) {
  RandomStream stream(9, "order");
  std::map<std::vector<std::int64_t>, std::int64_t> counts;
  for (int i = 0; i < 24000; ++i) {
    const at::Tensor order = random_permutation(stream, 4);
    ++counts[{order.data_ptr<std::int64_t>(), order.data_ptr<std::int64_t>() + 4}];
  }
  ASSERT_EQ(counts.size(), 24);
  std::vector<std::int64_t> values;
  for (const auto& [order, count] : counts) {
    values.push_back(count);
  }
  expect_even(values);
}

}  // namespace
}  // namespace ntt
