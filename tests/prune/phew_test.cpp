#include "ntt/prune/phew.h"

#include <gmock/gmock.h>

#include <map>
#include <utility>

#include "ntt/core/exceptions.h"
#include "ntt/prune/walks.h"
#include "tests/io/temporary_folder.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Steps = std::vector<std::pair<ParameterId, std::int64_t>>;

Steps walk(const Walks& walks, bool forward, std::uint64_t number) {
  RandomStream stream(5, "test-walks", number);
  Steps steps;
  const auto visit = [&](ParameterId parameter, std::int64_t entry) { steps.emplace_back(parameter, entry); };
  forward ? walks.forward(stream, visit) : walks.backward(stream, visit);
  return steps;
}

TEST(Walks, TakeWeightsInProportionToTheirMagnitudes) {
  const Network network = draw(small_network("one-linear"), 1);
  const at::Tensor magnitudes = network.parameters()[0]->value.abs();
  const Walks walks(network);
  for (const bool forward : {true, false}) {
    constexpr int kWalks = 20000;
    at::Tensor counts = at::zeros({15}, at::kDouble);
    for (std::uint64_t i = 0; i < kWalks; ++i) {
      const Steps steps = walk(walks, forward, i);
      ASSERT_EQ(steps.size(), 1U);
      counts[steps.front().second] += 1;
    }
    // Of each of the inputs, or outputs, as many walks.
    const at::Tensor shares = magnitudes / magnitudes.sum(forward ? 0 : 1, true) / (forward ? 5 : 3);
    const at::Tensor expected = kWalks * shares.flatten();
    EXPECT_LT(((counts - expected).abs() / expected.sqrt()).max().item<double>(), 5) << "standard deviations";
  }
}

TEST(Walks, GoOnWhereTheyArrived) {
  const Network network = draw(small_network("mlp"), 1);
  const Walks walks(network);
  for (std::uint64_t i = 0; i < 200; ++i) {
    for (const bool forward : {true, false}) {
      Steps steps = walk(walks, forward, i);
      if (!forward) {
        std::reverse(steps.begin(), steps.end());
      }
      ASSERT_EQ(steps.size(), 3U);
      for (std::size_t layer = 0; layer < 3; ++layer) {
        ASSERT_EQ(steps[layer].first, 2 * layer);
        const std::int64_t inputs = network.parameters()[2 * layer]->shape[1];
        const std::int64_t behind = layer < 2 ? network.parameters()[2 * layer + 2]->shape[1] : 1;
        if (layer < 2) {
          EXPECT_EQ(steps[layer].second / inputs, steps[layer + 1].second % behind);
        }
      }
    }
  }
}

/// Weights of convolutions on the way from channel to channel, in groups too, and through flattening.
TEST(Walks, GoOnFromChannelToChannel) {
  const Network network = draw(small_network("lenet"), 1);  // 1 -> 3 -> 4 channels, 4 x 4/4 -> 6 -> 3
  const Walks walks(network);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Steps steps = walk(walks, i % 2 == 0, i);
    ASSERT_EQ(steps.size(), 4U);
    std::map<ParameterId, std::int64_t> taken(steps.begin(), steps.end());
    const std::int64_t first_output = taken.at(0) / 9;
    EXPECT_EQ(taken.at(2) / 9 % 3, first_output);
    const std::int64_t positions = network.parameters()[4]->shape[1] / 4;
    EXPECT_EQ(taken.at(4) % network.parameters()[4]->shape[1] / positions, taken.at(2) / 27);
    EXPECT_EQ(taken.at(6) % 6, taken.at(4) / network.parameters()[4]->shape[1]);
  }
}

TEST(Walks, CrossGroupsResidualBlocksAndPools) {
  for (const char* name : {"separable", "residual-cnn", "residual-bn", "residual-mlp", "strided", "average"}) {
    SCOPED_TRACE(name);
    const Network network = draw(small_network(name), 1);
    const Walks walks(network);
    std::map<ParameterId, int> met;
    for (std::uint64_t i = 0; i < 500; ++i) {
      const Steps steps = walk(walks, i % 2 == 0, i);
      ASSERT_FALSE(steps.empty());
      for (const auto& [parameter, entry] : steps) {
        ASSERT_LT(entry, network.all_parameters()[parameter]->value.numel());
        ++met[parameter];
      }
    }
    for (const Parameter* parameter : network.parameters()) {
      EXPECT_EQ(met.count(parameter->id), parameter->role == Role::weight ? 1 : 0) << parameter->name;
    }
  }
}

TEST(Walks, OfDepthwiseConvolutionsStayInTheirChannel) {
  const Network network = draw(small_network("separable"), 1);
  const Parameter& depthwise = *network.parameters()[0];
  ASSERT_EQ(depthwise.shape, (Shape{6, 1, 3, 3}));
  const Parameter& pointwise = *network.parameters()[2];
  ASSERT_EQ(pointwise.shape, (Shape{4, 6, 1, 1}));
  const Walks walks(network);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Steps steps = walk(walks, i % 2 == 0, i);
    const std::map<ParameterId, std::int64_t> taken(steps.begin(), steps.end());
    EXPECT_EQ(taken.at(depthwise.id) / 9, taken.at(pointwise.id) % 6);
  }
}

TEST(Walks, WhatTheyCannotFollowIsNamed) {
  for (const auto& [name, node] : {std::pair("transformer", "transpose"), {"concat", "slice"}}) {
    const Network network = draw(small_network(name), 1);
    EXPECT_THAT(message_of<InputError>([&] { const Walks walks(network); }),
                AllOf(HasSubstr("cannot follow"), HasSubstr(node)));
  }
}

TEST(Walks, EndWhereNoWeightLeaves) {
  Network network = draw(small_network("mlp"), 1);
  network.parameters()[2]->set_mask(at::zeros_like(network.parameters()[2]->value));
  const Walks walks(network);
  EXPECT_EQ(walk(walks, true, 1).size(), 1U);
  EXPECT_EQ(walk(walks, false, 1).size(), 1U);
}

TEST(Phew, KeepsWholePathsOfAsManyWeightsAsAsked) {
  Network network = draw(small_network("mlp"), 1);
  for (const double density : {0.1, 0.2, 0.4}) {
    mask_by_scores(network, phew_scores(network, density, Scope::global, 7), density, Scope::global);
    const auto mask = [&](std::size_t i) { return network.parameters()[2 * i]->mask(); };
    EXPECT_NEAR(network.density(), density, 1.0 / 92);
    // Hidden units that something arrives at, or that something leaves: of whole paths they are the same, and only the
    // walk that met the last weight may be cut off.
    int loose = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const at::Tensor arrives = mask(i).sum(1).gt(0);
      const at::Tensor leaves = mask(i + 1).sum(0).gt(0);
      loose += at::count_nonzero(arrives.ne(leaves)).item<int>();
    }
    EXPECT_LE(loose, 1);
    network = draw(small_network("mlp"), 1);
  }
}

TEST(Phew, IsAFunctionOfTheSeedAndAnOrder) {
  Network network = draw(small_network("lenet"), 1);
  const auto masked = [&](double density, std::uint64_t seed) {
    Network copy = network.clone();
    mask_by_scores(copy, phew_scores(copy, density, Scope::global, seed), density, Scope::global);
    return copy;
  };
  EXPECT_TRUE(identical(masked(0.2, 1), masked(0.2, 1)));
  EXPECT_FALSE(identical(masked(0.2, 1), masked(0.2, 2)));
  const Network more = masked(0.3, 1);
  const Network fewer = masked(0.1, 1);
  for (std::size_t i = 0; i < more.parameters().size(); ++i) {
    if (more.parameters()[i]->pattern) {
      const at::Tensor lost = fewer.parameters()[i]->mask() * (1 - more.parameters()[i]->mask());
      EXPECT_EQ(at::count_nonzero(lost).item<std::int64_t>(), 0) << "walks of a sparser network are the first ones";
    }
  }
}

TEST(Phew, FillsUpWithTheLargestWherePathsDoNotSuffice) {
  Network network = draw(small_network("mlp"), 1);
  Parameter& first = *network.parameters()[0];
  first.value.select(1, 2).mul_(1e-9);  // what leaves the third input is as good as never met
  first.refresh();
  const Scores scores = phew_scores(network, 1, Scope::layer, 3);
  for (const at::Tensor& score : scores) {
    EXPECT_GT(score.min().item<double>(), 0);
    EXPECT_LE(score.max().item<double>(), 2);
  }
}

}  // namespace
}  // namespace ntt
