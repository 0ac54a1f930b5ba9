#include "ntt/train/executor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/nn/adam.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/sweeps.h"
#include "ntt/train/metrics.h"
#include "tests/io/temporary_folder.h"
#include "tests/train/small_problem.h"

namespace ntt {
namespace {

using testing::HasSubstr;

using ExecutorTest = TemporaryFolderTest;

TrainingOptions options_for(Execution execution, std::int64_t steps) {
  TrainingOptions options = quick_options(steps);
  options.execution = execution;
  return options;
}

/// Layers with and without bias, one of whose results two layers read.
Network glyph_branches() {
  LayerStack layers("branches", {1, 28, 28});
  layers.add("conv2d", {{"out_channels", 4L}, {"kernel", 3L}, {"stride", 3L}, {"bias", false}}).relu();
  const ValueId both = layers.value();
  layers.add("conv2d", {{"out_channels", 4L}, {"kernel", 3L}, {"padding", 1L}, {"bias", false}});
  layers.add("add", {}, "", {layers.value(), both}).max_pool(2).flatten().linear(12);
  layers.relu().add("linear", {{"out_features", 10L}, {"bias", false}});
  return masked_network(layers.finish(), 0.2);
}

void expect_same_to_rounding(const Network& start, TrainingOptions options = quick_options(20)) {
  Network sparse = start.clone();
  Network dense = start.clone();
  options.execution = Execution::sparse;
  const TrainingResult by_kept = train(sparse, small_glyphs(), options);
  EXPECT_EQ(by_kept.execution, Execution::sparse);
  options.execution = Execution::dense;
  const TrainingResult by_all = train(dense, small_glyphs(), options);
  EXPECT_EQ(by_all.execution, Execution::dense);
  EXPECT_NEAR(by_kept.last.train_loss, by_all.last.train_loss, 1e-4);
  for (std::size_t i = 0; i < sparse.parameters().size(); ++i) {
    const at::Tensor& expected = dense.parameters()[i]->effective;
    const at::Tensor moved = (expected - start.parameters()[i]->effective).abs().max();
    const at::Tensor difference = (sparse.parameters()[i]->effective - expected).abs().max();
    EXPECT_GT(moved.item<float>(), 1e-3);
    EXPECT_LT(difference.item<float>(), 1e-3 * moved.item<float>()) << sparse.parameters()[i]->name;
  }
}

TEST_F(ExecutorTest, SparseAndDenseStepsAreTheSameToRounding) {
  expect_same_to_rounding(glyph_network(0.2));
  expect_same_to_rounding(glyph_branches());
}

/// All that differs from the published training.
TrainingOptions modern_options(OptimiserKind optimiser) {
  TrainingOptions options = quick_options(20);
  options.optimiser = optimiser;
  options.learning_rate = 0.02;
  options.label_smoothing = 0.1;
  options.schedule = {.kind = ScheduleKind::one_cycle};
  options.augmentation = parse_augmentation({"crop", "flip", "cutout"});
  return options;
}

TEST_F(ExecutorTest, EveryOptimiserIsTheSameInBothWithAugmentationScheduleAndSmoothing) {
  for (const auto optimiser : {OptimiserKind::adam, OptimiserKind::sgd, OptimiserKind::nesterov}) {
    SCOPED_TRACE(to_string(optimiser));
    expect_same_to_rounding(glyph_network(0.2), modern_options(optimiser));
    expect_same_to_rounding(glyph_branches(), modern_options(optimiser));
  }
}

TEST_F(ExecutorTest, SparseTrainingIsAsAccurateAsDense) {
  double sparse_sum = 0;
  double dense_sum = 0;
  std::vector<double> dense_accuracies;
  for (const std::uint64_t seed : {1, 2, 3}) {
    for (const Execution execution : {Execution::sparse, Execution::dense}) {
      Network network = glyph_network(0.1);
      TrainingOptions options = options_for(execution, 400);
      options.seed = seed;
      const double accuracy = train(network, small_glyphs(), options).mean_test_accuracy;
      (execution == Execution::sparse ? sparse_sum : dense_sum) += accuracy / 3;
      if (execution == Execution::dense) {
        dense_accuracies.push_back(accuracy);
      }
    }
  }
  const auto [least, most] = std::minmax_element(dense_accuracies.begin(), dense_accuracies.end());
  EXPECT_NEAR(sparse_sum, dense_sum, *most - *least);
}

TEST_F(ExecutorTest, SparseTrainingKeepsMasksExactly) {
  const Network start = glyph_network(0.1);
  Network network = start.clone();
  train(network, small_glyphs(), options_for(Execution::sparse, 30));
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& now = *network.parameters()[i];
    const Parameter& then = *start.parameters()[i];
    if (then.pattern) {
      EXPECT_TRUE(at::equal(now.mask(), then.mask()));
      EXPECT_EQ(at::count_nonzero(now.effective * (1 - now.mask())).item<std::int64_t>(), 0);
      EXPECT_EQ(at::count_nonzero(now.value * (1 - now.mask())).item<std::int64_t>(), 0);
    }
  }
}

std::int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
}

std::int64_t bytes_of(const Network& network) {
  std::int64_t bytes = 0;
  for (const Parameter* parameter : network.parameters()) {
    bytes += bytes_of(parameter->value) + bytes_of(parameter->mask());
    bytes += parameter->effective.is_same(parameter->value) ? 0 : bytes_of(parameter->effective);
  }
  return bytes;
}

std::int64_t bytes_of(Optimiser& optimiser) {
  std::int64_t bytes = 0;
  for (const Optimiser::State& state : optimiser.states()) {
    for (const at::Tensor& tensor : state) {
      bytes += bytes_of(tensor);
    }
  }
  return bytes;
}

void take_step(Executor& executor) {
  executor.loss_and_gradient(small_glyphs().train_inputs, small_glyphs().train_labels, at::arange(40, at::kLong));
  executor.update(1e-8);
}

TEST_F(ExecutorTest, SparseTrainingLeavesNothingInNetworkAndOptimiser) {
  Network network = glyph_network(0.1);
  Adam optimiser(network, 1e-3);
  const std::int64_t all = bytes_of(network);
  const auto executor = make_executor(Execution::sparse, network, optimiser);
  const auto expect_nothing = [&](const char* when) {
    EXPECT_EQ(bytes_of(network), 0) << when;
    EXPECT_EQ(bytes_of(optimiser), 0) << when;
  };
  expect_nothing("at the beginning");
  take_step(*executor);
  expect_nothing("after a step");
  executor->score(small_glyphs().test_inputs, small_glyphs().test_labels);
  executor->kept_entries();
  expect_nothing("after an evaluation");
  executor->store_network();
  EXPECT_EQ(bytes_of(network), all);
  EXPECT_EQ(bytes_of(optimiser), 0);
  executor->store();
  EXPECT_EQ(bytes_of(network), all);
  EXPECT_EQ(bytes_of(optimiser), 2 * 4 * (784 * 32 + 32 + 32 * 10 + 10));
  take_step(*executor);
  expect_nothing("after the step that follows");
}

TEST_F(ExecutorTest, StoringAfterEachStepChangesNothing) {
  Network stored = glyph_network(0.1);
  Network kept = glyph_network(0.1);
  Adam stored_optimiser(stored, 1e-3);
  Adam kept_optimiser(kept, 1e-3);
  const auto stored_executor = make_executor(Execution::sparse, stored, stored_optimiser);
  const auto kept_executor = make_executor(Execution::sparse, kept, kept_optimiser);
  for (int step = 0; step < 3; ++step) {
    take_step(*stored_executor);
    take_step(*kept_executor);
    stored_executor->store();
  }
  kept_executor->store();
  EXPECT_TRUE(identical(stored, kept));
  for (std::size_t i = 0; i < stored_optimiser.states().size(); ++i) {
    EXPECT_TRUE(at::equal(stored_optimiser.states()[i][0], kept_optimiser.states()[i][0]));
    EXPECT_TRUE(at::equal(stored_optimiser.states()[i][1], kept_optimiser.states()[i][1]));
  }
}

/// What an optimiser writes: values, masks and moments.
TensorFile saved(Optimiser& optimiser) {
  TensorFile file;
  optimiser.save(file);
  return file;
}

TEST_F(ExecutorTest, ACheckpointGoesOnInEitherExecution) {
  Network network = glyph_network(0.1);
  Adam optimiser(network, 1e-3);
  const auto first = make_executor(Execution::sparse, network, optimiser);
  take_step(*first);
  first->store();
  const TensorFile checkpoint = saved(optimiser);
  std::vector<Network> networks;
  for (const Execution execution : {Execution::sparse, Execution::dense}) {
    networks.push_back(glyph_network(0.7));
    Adam resumed(networks.back(), 1e-3);
    resumed.load(checkpoint);
    const auto executor = make_executor(execution, networks.back(), resumed);
    executor->store();
    const TensorFile again = saved(resumed);
    ASSERT_EQ(again.tensors.size(), checkpoint.tensors.size());
    for (const auto& [name, tensor] : checkpoint.tensors) {
      EXPECT_TRUE(at::equal(again.at(name), tensor)) << name << " in " << to_string(execution) << " execution";
    }
    take_step(*executor);
    executor->store_network();
  }
  for (std::size_t i = 0; i < networks[0].parameters().size(); ++i) {
    EXPECT_TRUE(at::allclose(networks[0].parameters()[i]->value, networks[1].parameters()[i]->value, 1e-4, 1e-6));
  }
}

TEST_F(ExecutorTest, ARunThatFailsGivesTheNetworkBack) {
  Network network = glyph_network(0.1);
  TrainingOptions options = options_for(Execution::sparse, 50);
  options.learning_rate = 1e30;
  EXPECT_THROW(train(network, small_glyphs(), options), RunError);
  EXPECT_EQ(network.predict(small_glyphs().test_inputs).sizes(), (at::IntArrayRef{250, 10}));
}

TEST_F(ExecutorTest, MasksThatKeepAllAndNoMasksAreGivenBackAsSuch) {
  Network network = glyph_network(1);
  network.parameters()[2]->set_mask({});
  ASSERT_TRUE(network.parameters()[0]->pattern);
  const Network before = network.clone();
  Adam optimiser(network, 1e-3);
  make_executor(Execution::sparse, network, optimiser)->store();
  EXPECT_TRUE(identical(network, before));
  EXPECT_TRUE(at::equal(network.parameters()[0]->mask(), before.parameters()[0]->mask()));
  EXPECT_FALSE(network.parameters()[2]->pattern);
}

TEST_F(ExecutorTest, StoringLayersWithoutBiasGivesThemBack) {
  Network network = glyph_branches();
  const Network before = network.clone();
  Adam optimiser(network, 1e-3);
  const auto executor = make_executor(Execution::sparse, network, optimiser);
  EXPECT_EQ(executor->kept_entries().size(), 5);
  executor->store();
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(network.parameters()[i]->effective, before.parameters()[i]->effective));
    EXPECT_EQ(optimiser.states()[i][0].sizes(), network.parameters()[i]->value.sizes());
  }
}

/// With batch norm, which has no sparse execution.
Network glyph_normalised() {
  LayerStack layers("normalised", {1, 28, 28});
  layers.add("conv2d", {{"out_channels", 4L}, {"kernel", 3L}, {"stride", 3L}, {"bias", false}});
  return masked_network(layers.add("batch-norm").relu().flatten().linear(10).finish(), 0.2);
}

TEST_F(ExecutorTest, DenseStepsTakeTheStatisticsOfTheBatchAndMoveTheRunningOnes) {
  Network network = glyph_normalised();
  const Parameter& mean = *network.all_parameters()[3];
  const Parameter& variance = *network.all_parameters()[4];
  ASSERT_EQ(mean.role, Role::mean);
  const at::Tensor batch = small_glyphs().train_inputs.narrow(0, 0, 40);
  const at::Tensor z = at::conv2d(batch, network.parameters()[0]->effective, {}, 3).transpose(0, 1).flatten(1);
  const double loss =
      cross_entropy(run_forward(network, batch, Statistics::batch), small_glyphs().train_labels.narrow(0, 0, 40)).loss;
  Adam optimiser(network, 1e-3);
  const auto executor = make_executor(Execution::dense, network, optimiser);
  EXPECT_EQ(
      executor->loss_and_gradient(small_glyphs().train_inputs, small_glyphs().train_labels, at::arange(40, at::kLong)),
      loss);
  EXPECT_TRUE(at::allclose(mean.value, 0.1 * z.mean(1), 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(variance.value, 0.9 + 0.1 * z.var(1, true), 1e-4, 1e-6));
}

TEST_F(ExecutorTest, TheBestWeightsHaveTheirRunningStatistics) {
  TrainingOptions options = options_for(Execution::automatic, 40);
  options.select = Select::best_validation;
  options.learning_rate = 3;  // so that later evaluations are no better
  options.evaluate_every = 1;
  Network best = glyph_normalised();
  const TrainingResult result = train(best, small_glyphs(), options);
  EXPECT_EQ(result.execution, Execution::sparse);
  ASSERT_LT(result.best.step, result.steps);
  EXPECT_EQ(score(best.predict(small_glyphs().test_inputs), small_glyphs().test_labels).accuracy,
            result.best.test_accuracy);
}

}  // namespace
}  // namespace ntt
