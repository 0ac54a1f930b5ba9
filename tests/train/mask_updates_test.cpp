#include "ntt/train/mask_updates.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "ntt/core/exceptions.h"
#include "ntt/nn/sgd.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/observers.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

using testing::HasSubstr;

/// A network of one masked layer [2, 6], whose values, mask and gradient are these, and its optimiser after a step.
struct OneLayer {
  Network network = small_network({6}, 2, 2, 1, at::kDouble);
  Sgd optimiser{network, 0.1, 0.9, false};
  Gradients gradients{network};
  Parameter& weight = *network.parameters()[0];

  OneLayer() {
    network.parameters()[2]->set_mask({});
    weight.value.copy_(at::tensor({5., 1., -2., 4., 9., 9., -3., 6., 7., 9., 9., 8.}, at::kDouble).view({2, 6}));
    weight.set_mask(at::tensor({1., 1., 1., 1., 0., 0., 1., 1., 1., 0., 0., 1.}, at::kDouble).view({2, 6}));
    optimiser.states()[0][0] = at::ones({2, 6}, at::kDouble);
    gradients.of(weight).copy_(
        at::tensor({0., -4., 1., 0., 3., -5., 0., 0., 0., 2., 1., 0.}, at::kDouble).view({2, 6}));
  }
};

TEST(MaskUpdates, RiglTakesTheLargestGradientsForTheSmallestWeights) {
  OneLayer one;
  // Of eight kept ones three go: 1, -2, -3. Of the rest -5, -4 (which just went) and 3 come.
  exchange_weights(one.network, one.optimiser, &one.gradients, 0.4, 1, 0);
  const at::Tensor mask = at::tensor({1., 1., 0., 1., 1., 1., 0., 1., 1., 0., 0., 1.}, at::kDouble).view({2, 6});
  EXPECT_TRUE(at::equal(one.weight.mask(), mask));
  const at::Tensor value = at::tensor({5., 1., 0., 4., 0., 0., 0., 6., 7., 9., 9., 8.}, at::kDouble).view({2, 6});
  EXPECT_TRUE(at::equal(one.weight.value, value)) << "what comes begins at 0, what comes back at once stays";
  EXPECT_TRUE(at::equal(one.weight.effective, value * mask));
  const at::Tensor velocity = at::tensor({1., 1., 0., 1., 0., 0., 0., 1., 1., 1., 1., 1.}, at::kDouble).view({2, 6});
  EXPECT_TRUE(at::equal(one.optimiser.states()[0][0], velocity));
  EXPECT_FALSE(one.network.parameters()[2]->pattern) << "dense layers stay dense";
}

TEST(MaskUpdates, SetTakesAnyOfThePrunedWeights) {
  std::set<std::int64_t> came;
  for (std::int64_t step = 0; step < 60; ++step) {
    OneLayer one;
    const at::Tensor before = one.weight.mask();
    exchange_weights(one.network, one.optimiser, nullptr, 0.3, 1, step);
    EXPECT_EQ(one.weight.kept(), 8);
    const at::Tensor gone = (before * (1 - one.weight.mask())).flatten().nonzero();
    for (std::int64_t i = 0; i < gone.numel(); ++i) {
      const auto index = gone.flatten()[i].item<std::int64_t>();
      EXPECT_TRUE(index == 1 || index == 2) << "the two smallest";
    }
    const at::Tensor grown = (one.weight.mask() * (1 - before)).flatten().nonzero().flatten();
    for (std::int64_t i = 0; i < grown.numel(); ++i) {
      came.insert(grown[i].item<std::int64_t>());
    }
    OneLayer again;
    exchange_weights(again.network, again.optimiser, nullptr, 0.3, 1, step);
    EXPECT_TRUE(at::equal(again.weight.mask(), one.weight.mask()));
  }
  EXPECT_EQ(came, (std::set<std::int64_t>{4, 5, 9, 10}));
}

TEST(MaskUpdates, MoreThanIsPrunedCannotCome) {
  OneLayer one;
  exchange_weights(one.network, one.optimiser, &one.gradients, 1, 1, 0);
  EXPECT_EQ(one.weight.kept(), 8);
}

TEST(MaskUpdates, ItsShareFallsAlongACosineUntilMasksStay) {
  MaskUpdates updates{MaskRule::rigl};
  EXPECT_FALSE(updates.due(0, 1000));
  EXPECT_FALSE(updates.due(150, 1000));
  EXPECT_TRUE(updates.due(200, 1000));
  EXPECT_TRUE(updates.due(700, 1000));
  EXPECT_FALSE(updates.due(800, 1000));
  EXPECT_NEAR(updates.share_at(0, 1000), 0.3, 1e-15);
  EXPECT_NEAR(updates.share_at(375, 1000), 0.15, 1e-15);
  EXPECT_NEAR(updates.share_at(750, 1000), 0, 1e-15);
  EXPECT_FALSE((MaskUpdates{}.due(200, 1000)));
  for (const char* name : {"none", "set", "rigl"}) {
    EXPECT_EQ(to_string(parse_mask_rule(name)), name);
  }
  EXPECT_THAT(message_of<InputError>([] { parse_mask_rule("deep-r"); }), HasSubstr("'deep-r'"));
}

using DynamicTrainingTest = TemporaryFolderTest;

TrainingOptions dynamic_options(MaskRule rule, Execution execution) {
  TrainingOptions options = quick_options(60);
  options.optimiser = OptimiserKind::sgd;
  options.learning_rate = 0.05;
  options.execution = execution;
  options.mask_updates = {rule, 7};
  return options;
}

double moved_share(const Network& a, const Network& b) {
  double moved = 0;
  double kept = 0;
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    if (a.parameters()[i]->pattern) {
      moved += (a.parameters()[i]->mask() * (1 - b.parameters()[i]->mask())).sum().item<double>();
      kept += static_cast<double>(a.parameters()[i]->kept());
    }
  }
  return moved / kept;
}

TEST_F(DynamicTrainingTest, MovesMasksAtTheSameDensityAndLearns) {
  for (const MaskRule rule : {MaskRule::set, MaskRule::rigl}) {
    const Network start = glyph_network(0.1);
    Network network = start.clone();
    TrainingOptions options = dynamic_options(rule, Execution::automatic);
    options.steps = 300;
    const TrainingResult result = train(network, small_glyphs(), options);
    EXPECT_GT(moved_share(start, network), 0.2) << to_string(rule);
    for (std::size_t i = 0; i < network.parameters().size(); ++i) {
      EXPECT_EQ(network.parameters()[i]->kept(), start.parameters()[i]->kept());
    }
    EXPECT_GT(result.last.train_accuracy, 0.8) << to_string(rule);
  }
}

TEST_F(DynamicTrainingTest, IsTheSameInSparseAndDenseExecution) {
  for (const MaskRule rule : {MaskRule::set, MaskRule::rigl}) {
    Network sparse = glyph_network(0.1);
    Network dense = glyph_network(0.1);
    train(sparse, small_glyphs(), dynamic_options(rule, Execution::sparse));
    train(dense, small_glyphs(), dynamic_options(rule, Execution::dense));
    EXPECT_LT(moved_share(sparse, dense), 0.01) << "but for ties to rounding";
  }
}

/// With batch norm, which is trained layer by layer.
Network normalised_network() {
  LayerStack layers("normalised", {1, 28, 28});
  layers.add("conv2d", {{"out_channels", 6L}, {"kernel", 5L}, {"stride", 3L}, {"bias", false}});
  return masked_network(layers.add("batch-norm").relu().flatten().linear(10).finish(), 0.1);
}

TEST_F(DynamicTrainingTest, SeesGradientsOfPrunedWeightsWhereLayersMultiplyByTheKeptOnes) {
  Network sparse = normalised_network();
  Network dense = normalised_network();
  const Network start = normalised_network();
  EXPECT_EQ(train(sparse, small_glyphs(), dynamic_options(MaskRule::rigl, Execution::sparse)).execution,
            Execution::sparse);
  train(dense, small_glyphs(), dynamic_options(MaskRule::rigl, Execution::dense));
  EXPECT_GT(moved_share(start, sparse), 0.1);
  EXPECT_LT(moved_share(sparse, dense), 0.02) << "but for ties to rounding";
}

TEST_F(DynamicTrainingTest, ResumesBitIdentical) {
  for (const MaskRule rule : {MaskRule::set, MaskRule::rigl}) {
    for (const Execution execution : {Execution::sparse, Execution::dense}) {
      TrainingOptions options = dynamic_options(rule, execution);
      Network whole = glyph_network(0.1);
      train(whole, small_glyphs(), options);
      options.out = folder_ / fmt::format("{}-{}", to_string(rule), to_string(execution));
      Network parts = glyph_network(0.1);
      for (std::int64_t step = 1; step < options.steps; ++step) {
        Stopper stopper;
        options.observer = &stopper;
        EXPECT_THROW(train(parts, small_glyphs(), options), Interrupted);
        parts = glyph_network(0.1);
        options.resume = true;
      }
      options.observer = &Observer::none();
      train(parts, small_glyphs(), options);
      EXPECT_TRUE(identical(whole, parts)) << to_string(rule);
    }
  }
}

TEST_F(DynamicTrainingTest, RefusesWhatDoesNotFit) {
  const auto message = [](Network network, const TrainingOptions& options) {
    return message_of<InputError>([&] { train(network, small_glyphs(), options); });
  };
  TrainingOptions options = dynamic_options(MaskRule::rigl, Execution::dense);
  Network dense = glyph_network(1);
  for (Parameter* parameter : dense.parameters()) {
    parameter->set_mask({});
  }
  EXPECT_THAT(message(dense.clone(), options), HasSubstr("has no masks"));
  options.select = Select::best_validation;
  EXPECT_THAT(message(glyph_network(), options), HasSubstr("masks that stay only"));
  options = dynamic_options(MaskRule::set, Execution::dense);
  options.mask_updates.share = 1.5;
  EXPECT_THAT(message(glyph_network(), options), HasSubstr("by a share of 1.5"));
}

}  // namespace
}  // namespace ntt
