#include "ntt/train/executor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
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

TEST_F(ExecutorTest, SparseAndDenseStepsAreTheSameToRounding) {
  const Network start = glyph_network(0.2);
  Network sparse = start.clone();
  Network dense = start.clone();
  EXPECT_EQ(train(sparse, small_glyphs(), options_for(Execution::sparse, 20)).execution, Execution::sparse);
  EXPECT_EQ(train(dense, small_glyphs(), options_for(Execution::dense, 20)).execution, Execution::dense);
  for (std::size_t i = 0; i < sparse.parameters().size(); ++i) {
    const at::Tensor& expected = dense.parameters()[i]->effective;
    const at::Tensor moved = (expected - start.parameters()[i]->effective).abs().max();
    const at::Tensor difference = (sparse.parameters()[i]->effective - expected).abs().max();
    EXPECT_GT(moved.item<float>(), 1e-3);
    EXPECT_LT(difference.item<float>(), 1e-3 * moved.item<float>()) << sparse.parameters()[i]->name;
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
    if (now.mask.defined()) {
      EXPECT_TRUE(at::equal(now.mask, then.mask));
      EXPECT_EQ(at::count_nonzero(now.effective * (1 - now.mask)).item<std::int64_t>(), 0);
      const at::Tensor pruned = now.mask.eq(0);
      EXPECT_TRUE(at::equal(now.value.masked_select(pruned), then.value.masked_select(pruned)));
    }
  }
}

}  // namespace
}  // namespace ntt
