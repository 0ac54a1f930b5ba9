#include "ntt/prune/mask.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ntt/core/error.h"
#include "ntt/models/layer_stack.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::ElementsAre;

/// A network of linear layers of these sizes.
Network linear_network(const std::vector<std::int64_t>& sizes, at::ScalarType dtype = at::kDouble) {
  LayerStack stack("linear-layers", {sizes.front()});
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    stack.linear(sizes[i]);
  }
  return draw(stack.finish(), 3, dtype);
}

std::vector<std::int64_t> kept_counts(Network& network) {
  std::vector<std::int64_t> counts;
  for (const Parameter* parameter : prunable_parameters(network)) {
    counts.push_back(parameter->kept());
  }
  return counts;
}

/// Scores 1, 2, 3, ... over all layers.
Scores rising_scores(Network& network, at::ScalarType dtype = at::kDouble) {
  Scores scores;
  std::int64_t next = 1;
  for (const Parameter* parameter : prunable_parameters(network)) {
    const std::int64_t count = parameter->value.numel();
    scores.push_back(at::arange(next, next + count, at::kLong).view(parameter->value.sizes()).to(dtype));
    next += count;
  }
  return scores;
}

at::Tensor mask_of(Network& network, std::size_t layer) {
  return prunable_parameters(network)[layer]->mask();
}

TEST(PrunableParameters, AreTheWeightsFromInputToOutput) {
  Network network = draw(small_network("residual-cnn"), 1);
  std::vector<std::string> names;
  for (const Parameter* parameter : prunable_parameters(network)) {
    names.push_back(parameter->name);
  }
  EXPECT_THAT(names, ElementsAre("conv1.weight", "block1.body.conv1.weight", "block1.body.conv2.weight",
                                 "block2.body.conv1.weight", "block2.shortcut.conv1.weight", "fc1.weight"));
}

struct Count {
  std::int64_t weights;
  double density;
  std::int64_t kept;  ///< weights - int((1 - density) weights), in exact arithmetic
};

class MaskCountTest : public testing::TestWithParam<Count> {};

TEST_P(MaskCountTest, TheSmallestGoInEachLayer) {
  const auto [weights, density, kept] = GetParam();
  Network network = linear_network({weights, 1});
  mask_by_scores(network, rising_scores(network), density, Scope::layer);
  const at::Tensor expected = at::arange(weights, at::kLong).ge(weights - kept).to(at::kDouble).view({1, weights});
  EXPECT_TRUE(at::equal(mask_of(network, 0), expected)) << kept_counts(network)[0] << " are kept";
}

TEST_P(MaskCountTest, TheSmallestGoOverAll) {
  const auto [weights, density, kept] = GetParam();
  Network network = linear_network({weights - 1, 1, 1});
  mask_by_scores(network, rising_scores(network), density, Scope::global);
  EXPECT_EQ(kept_counts(network)[0] + kept_counts(network)[1], kept);
  EXPECT_EQ(kept_counts(network)[1], 1) << "the largest score is the second layer's";
}

INSTANTIATE_TEST_SUITE_P(Densities, MaskCountTest,
                         testing::Values(Count{100, 1, 100}, Count{100, 0.5, 50}, Count{101, 0.5, 51},
                                         Count{100, 0.03, 3}, Count{100, 0.29, 29}, Count{1000, 0.999, 999},
                                         Count{1000, 0.9999, 1000}, Count{100, 0.001, 1}, Count{7, 0.3, 3},
                                         Count{235200, 0.03, 7056}, Count{30000, 0.01, 300}, Count{2, 0.01, 1}),
                         [](const auto& test) { return "row" + std::to_string(test.index); });

TEST(MaskByScores, TiesWithTheThresholdGoToo) {
  Network network = linear_network({6, 1});
  mask_by_scores(network, {at::tensor({3., 1., 2., 2., 2., 4.}).view({1, 6})}, 0.5, Scope::layer);
  EXPECT_TRUE(at::equal(mask_of(network, 0), at::tensor({1., 0., 0., 0., 0., 1.}).view({1, 6})));
  mask_by_scores(network, {at::ones({1, 6}, at::kDouble)}, 0.5, Scope::global);
  EXPECT_THAT(kept_counts(network), ElementsAre(0));
  mask_by_scores(network, {at::ones({1, 6}, at::kDouble)}, 1, Scope::global);
  EXPECT_THAT(kept_counts(network), ElementsAre(6)) << "at density 1 nothing goes, tied or not";
}

TEST(MaskByScores, TheScopesDifferWhereLayersDo) {
  Network network = linear_network({10, 10, 10});
  mask_by_scores(network, rising_scores(network), 0.2, Scope::layer);
  EXPECT_THAT(kept_counts(network), ElementsAre(20, 20));
  mask_by_scores(network, rising_scores(network), 0.2, Scope::global);
  EXPECT_THAT(kept_counts(network), ElementsAre(0, 40));
  mask_by_scores(network, rising_scores(network), 0.7, Scope::global);
  EXPECT_THAT(kept_counts(network), ElementsAre(40, 100));
}

TEST(MaskByScores, TellsWholeNumbersApartWhereFloat32CanNot) {
  Network network = linear_network({100, 1});
  Scores scores = rising_scores(network, at::kLong);
  scores[0].add_(std::int64_t{1} << 40);
  for (const Scope scope : {Scope::layer, Scope::global}) {
    mask_by_scores(network, scores, 0.25, scope);
    EXPECT_THAT(kept_counts(network), ElementsAre(25));
  }
}

TEST(MaskByScores, InFloat32TheThresholdItselfGoes) {
  Network network = linear_network({100, 1}, at::kFloat);
  mask_by_scores(network, {rising_scores(network, at::kFloat)[0] / 7}, 0.25, Scope::layer);
  EXPECT_THAT(kept_counts(network), ElementsAre(25));
  EXPECT_EQ(mask_of(network, 0).scalar_type(), at::kFloat);
}

TEST(MaskByScores, LeavesValuesAndBiasesAndZeroesWhatIsPruned) {
  for (const Scope scope : {Scope::layer, Scope::global}) {
    Network network = draw(small_network("residual-cnn"), 1);
    const Network before = network.clone();
    mask_by_scores(network, magnitude_scores(network), 0.3, scope);
    EXPECT_NEAR(network.density(), 0.3, 0.02);
    for (std::size_t i = 0; i < network.parameters().size(); ++i) {
      const Parameter& parameter = *network.parameters()[i];
      EXPECT_TRUE(at::equal(parameter.value, before.parameters()[i]->value));
      EXPECT_EQ(parameter.pattern != nullptr, parameter.prunable);
      EXPECT_TRUE(
          at::equal(parameter.effective, parameter.prunable ? parameter.value * parameter.mask() : parameter.value));
    }
  }
}

TEST(MaskByScores, APrunedWeightReturnsWithItsValue) {
  Network network = linear_network({10, 1});
  const at::Tensor before = network.parameters()[0]->effective.clone();
  mask_by_scores(network, rising_scores(network), 0.2, Scope::layer);
  EXPECT_EQ(at::count_nonzero(network.parameters()[0]->effective).item<std::int64_t>(), 2);
  mask_by_scores(network, rising_scores(network), 1, Scope::layer);
  EXPECT_TRUE(at::equal(network.parameters()[0]->effective, before));
}

TEST(MaskByScores, RefusesADensityThatIsNone) {
  Network network = linear_network({4, 1});
  for (const double density : {0., -0.1, 1.0001, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(mask_by_scores(network, rising_scores(network), density, Scope::layer), InputError) << density;
  }
}

TEST(MagnitudeScores, AreTheValuesUnderTheMask) {
  Network network = draw(small_network("lenet"), 1);
  mask_at_random(network, 0.2, 2);
  const Scores scores = magnitude_scores(network);
  const std::vector<Parameter*> prunable = prunable_parameters(network);
  ASSERT_EQ(scores.size(), prunable.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_TRUE(at::equal(scores[i], prunable[i]->value.abs()));
  }
}

TEST(RandomScores, AreAFunctionOfTheSeedAlone) {
  Network network = draw(small_network("lenet"), 1);
  Network other = draw(small_network("lenet"), 2, at::kFloat);
  mask_at_random(other, 0.2, 2);
  const Scores first = random_scores(network, 7);
  const Scores again = random_scores(other, 7);
  const Scores differing = random_scores(network, 8);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(at::equal(first[i], again[i]));
    EXPECT_FALSE(at::equal(first[i], differing[i]));
  }
}

TEST(RandomScores, KeepTheCountOfBothScopesAndFavourNoLayer) {
  Network network = linear_network({100, 100, 300});
  mask_by_scores(network, random_scores(network, 1), 0.1, Scope::layer);
  EXPECT_THAT(kept_counts(network), ElementsAre(1000, 3000));
  mask_by_scores(network, random_scores(network, 1), 0.1, Scope::global);
  EXPECT_EQ(kept_counts(network)[0] + kept_counts(network)[1], 4000);
  // Hypergeometric: 1000 with a standard deviation of 26.
  EXPECT_NEAR(static_cast<double>(kept_counts(network)[0]), 1000, 110);
}

TEST(RandomScores, KeepEveryWeightEquallyOften) {
  Network network = linear_network({5, 4});
  at::Tensor kept = at::zeros({4, 5}, at::kDouble);
  constexpr int kDraws = 4000;
  for (int seed = 0; seed < kDraws; ++seed) {
    mask_by_scores(network, random_scores(network, static_cast<std::uint64_t>(seed)), 0.25, Scope::layer);
    kept.add_(mask_of(network, 0));
  }
  // A standard deviation of 0.007 each.
  EXPECT_LT((kept / kDraws - 0.25).abs().max().item<double>(), 0.028);
}

}  // namespace
}  // namespace ntt
