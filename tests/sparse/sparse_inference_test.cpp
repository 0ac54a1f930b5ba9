#include "ntt/sparse/sparse_inference.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <limits>

#include "ntt/core/threads.h"
#include "ntt/models/layer_stack.h"
#include "ntt/models/network_toml.h"
#include "ntt/nn/network_file.h"
#include "ntt/sparse/folding.h"
#include "ntt/sparse/plane_execution.h"
#include "tests/sparse/networks.h"
#include "tests/sparse/random_graphs.h"

namespace ntt {
namespace {

using namespace testing_support;

/// Rounding of sums of a few hundred float32 products.
constexpr double kRounding = 2e-5;

/// Outputs by planes, in a workspace that holds NaN to begin with.
at::Tensor run_planes(const Network& network, const at::Tensor& inputs, Products products = Products::all) {
  const PlanePlan plan = make_plane_plan(network, products);
  at::Tensor workspace = at::full({plan.workspace_floats}, std::numeric_limits<float>::quiet_NaN());
  at::Tensor outputs = at::empty({inputs.size(0), network.outputs()});
  const PlaneExecution execution(plan, workspace.data_ptr<float>());
  for (std::int64_t i = 0; i < inputs.size(0); ++i) {
    execution.run(inputs[i].data_ptr<float>(), outputs[i].data_ptr<float>());
  }
  return outputs;
}

at::Tensor exact_outputs(const Network& network, const at::Tensor& inputs) {
  Network exact = network.clone();
  exact.to(at::kCPU, at::kDouble);
  return exact.predict(inputs.to(at::kDouble));
}

/// The largest difference as a share of the largest output or, where all are tiny, of 1e-3.
double error_of(const at::Tensor& actual, const at::Tensor& expected) {
  const double scale = std::max(expected.abs().max().item<double>(), 1e-3);
  return (actual.to(at::kDouble) - expected).abs().max().item<double>() / scale;
}

void expect_close(const at::Tensor& actual, const at::Tensor& expected) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  EXPECT_LT(error_of(actual, expected), kRounding);
}

void expect_agreement(const Network& network, std::uint64_t seed) {
  const at::Tensor inputs = draw_inputs(network.graph(), 3, seed, at::kFloat);
  const at::Tensor expected = exact_outputs(network, inputs);
  expect_close(run_planes(network, inputs), expected);
  expect_close(run_planes(network, inputs, Products::where_faster), expected);
  expect_close(run_planes(fold_batch_norm(network), inputs), expected);
}

class PlanesTest : public testing::TestWithParam<std::string> {};

TEST_P(PlanesTest, AgreeWithTheDenseNetworkAtEveryDensity) {
  for (const double density : {0.0, 0.1, 0.4, 1.0}) {
    SCOPED_TRACE(density);
    Network network = draw(small_network(GetParam()), 3, at::kFloat);
    mask_at_random(network, density, 5);
    expect_agreement(network, 11);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryNetwork, PlanesTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(PlanesGeometryTest, AgreeAtEveryGeometry) {
  for (const std::int64_t size : {1, 5, 8, 17}) {
    for (const std::int64_t kernel : {1, 2, 3, 5}) {
      for (const std::int64_t stride : {1, 2, 3}) {
        for (const std::int64_t padding : {0, 1, 2, 6}) {
          for (const std::int64_t dilation : {1, 2}) {
            if (size + 2 * padding <= dilation * (kernel - 1)) {
              continue;
            }
            SCOPED_TRACE(fmt::format("{} {} {} {} {}", size, kernel, stride, padding, dilation));
            LayerStack layers("geometry", {2, size, size + 1});
            layers.add("conv2d", {{"out_channels", 4L},
                                  {"kernel", kernel},
                                  {"stride", stride},
                                  {"padding", padding},
                                  {"dilation", dilation},
                                  {"groups", 2L}});
            Network network = draw(layers.relu().flatten().linear(3).finish(), 3, at::kFloat);
            mask_at_random(network, 0.5, 5);
            expect_agreement(network, 7);
          }
        }
      }
    }
  }
}

TEST(PlanesGeometryTest, PoolAtEveryGeometry) {
  for (const std::string type : {"max-pool", "average-pool"}) {
    for (const std::int64_t size : {3, 8, 19, 40}) {
      for (const std::int64_t kernel : {2, 3}) {
        for (const std::int64_t stride : {1, 2, 3}) {
          for (const std::int64_t padding : {0, 1}) {
            for (const bool ceil_mode : {false, true}) {
              SCOPED_TRACE(fmt::format("{} {} {} {} {} {}", type, size, kernel, stride, padding, ceil_mode));
              LayerStack layers("pool", {2, size, size + 1});
              layers.add(type,
                         {{"kernel", kernel}, {"stride", stride}, {"padding", padding}, {"ceil_mode", ceil_mode}});
              Network network = draw(layers.relu().flatten().linear(3).finish(), 3, at::kFloat);
              mask_at_random(network, 0.5, 5);
              expect_agreement(network, 7);
            }
          }
        }
      }
    }
  }
}

TEST(RandomGraphsTest, RunAsTheDenseNetworkDoes) {
  for (std::uint64_t seed = 0; seed < 2000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Network network = random_sparse_network(seed);
    expect_agreement(network, seed);
    const SparseInference sparse(network, Products::all);
    const std::int64_t count = seed % 16 == 0 ? 257 : static_cast<std::int64_t>(seed % 40) + 1;
    const at::Tensor inputs = draw_inputs(network.graph(), count, seed + 1, at::kFloat);
    at::Tensor outputs = at::empty({count, network.outputs()});
    sparse.predict(inputs.data_ptr<float>(), count, outputs.data_ptr<float>());
    expect_close(outputs, exact_outputs(network, inputs));
  }
}

/// With the instructions of every processor that this one can stand in for, down to none of its vector instructions.
TEST(RandomGraphsTest, RunWithEveryInstructionSet) {
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (const std::int64_t target : targets) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    for (std::uint64_t seed = 0; seed < 200 && !HasFailure(); ++seed) {
      SCOPED_TRACE(seed);
      const Network network = random_sparse_network(seed);
      const at::Tensor inputs = draw_inputs(network.graph(), 2, seed, at::kFloat);
      const at::Tensor exact = exact_outputs(network, inputs);
      // Where terms cancel, no float32 sum is close: the dense one says by how much.
      EXPECT_LT(error_of(run_planes(network, inputs), exact), kRounding + 4 * error_of(network.predict(inputs), exact));
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GT(targets.size(), 1);
}

TEST(SparseInferenceTest, DoesNotDependOnThreads) {
  const int before = threads();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const Network network = random_sparse_network(seed);
    const at::Tensor inputs = draw_inputs(network.graph(), 7, seed, at::kFloat);
    const SparseInference sparse(network, Products::all);
    at::Tensor first;
    for (const int count : {1, 2, 3, 5}) {
      set_threads(count);
      at::Tensor outputs = at::empty({7, network.outputs()});
      sparse.predict(inputs.data_ptr<float>(), 7, outputs.data_ptr<float>());
      first = first.defined() ? first : outputs;
      EXPECT_TRUE(at::equal(outputs, first));
    }
  }
  set_threads(before);
}

/// Wide enough that shares begin amid tiles and rows.
TEST(SparseInferenceTest, SharesOfWideLayersAreTheWholeWhateverTheThreads) {
  LayerStack layers("wide", {8, 40, 40});
  layers.conv("a", {24, 3, 1, 1, true}).relu().conv("b", {32, 3, 2}).batch_norm("c").relu().conv("d", {32, 1});
  Network network = draw(layers.mean_of_channels("m").linear(5).finish(), 3, at::kFloat);
  mask_at_random(network, 0.3, 5);
  const at::Tensor inputs = draw_inputs(network.graph(), 1, 4, at::kFloat);
  const int before = threads();
  at::Tensor first;
  for (const int count : {1, 2, 3, 4, 7}) {
    set_threads(count);
    const at::Tensor outputs = run_planes(network, inputs);
    first = first.defined() ? first : outputs;
    EXPECT_TRUE(at::equal(outputs, first)) << count;
  }
  set_threads(before);
  expect_close(first, exact_outputs(network, inputs));
}

TEST(SparseInferenceTest, PassesNaNOnWhateverTheNumberOfInputs) {
  for (const std::string activation : {"relu", "tanh", "silu", "hard-swish", "leaky-relu"}) {
    LayerStack layers("nan", {1, 6, 6});
    layers.conv("a", {4, 3, 1, 1, true}).add(activation).max_pool(2).flatten().linear(3).add(activation).linear(2);
    const Network network = draw(layers.finish(), 3, at::kFloat);
    at::Tensor inputs = at::zeros({20, 1, 6, 6});
    inputs[2].fill_(std::numeric_limits<float>::quiet_NaN());
    const SparseInference sparse(network, Products::all);
    for (const std::int64_t count : {3, 20}) {
      at::Tensor outputs = at::empty({count, 2});
      sparse.predict(inputs.data_ptr<float>(), count, outputs.data_ptr<float>());
      EXPECT_TRUE(outputs[2].isnan().all().item<bool>()) << activation << " " << count;
      EXPECT_FALSE(outputs[1].isnan().any().item<bool>()) << activation << " " << count;
    }
    const at::Tensor alone = run_planes(network, inputs.narrow(0, 2, 1));
    EXPECT_TRUE(alone.isnan().all().item<bool>()) << activation;
  }
}

TEST(FoldingTest, TakesBatchNormIntoLayersThatNobodyElseReads) {
  LayerStack layers("fold", {2, 5, 5});
  layers.conv("a", {4, 3}).batch_norm("b").relu();
  const ValueId shared = layers.conv("c", {4, 3, 1, 1, true}).value();
  layers.batch_norm("d").plus(shared).flatten().linear(6).add("batch-norm").linear(3);
  Network network = draw(layers.finish(), 3, at::kFloat);
  mask_at_random(network, 0.5, 5);
  const Network folded = fold_batch_norm(network);
  std::vector<std::string> types;
  for (const Node& node : folded.graph().nodes) {
    types.push_back(node.type);
  }
  EXPECT_THAT(types,
              testing::ElementsAre("conv2d", "relu", "conv2d", "batch-norm", "add", "flatten", "linear", "linear"));
  EXPECT_DOUBLE_EQ(folded.density(), network.density());
  const at::Tensor inputs = draw_inputs(network.graph(), 4, 2, at::kFloat);
  expect_close(folded.predict(inputs), exact_outputs(network, inputs));
}

TEST(FoldingTest, LeavesTiedWeightsAlone) {
  const Network network = draw(parse_network_toml("name = 'tied'\ninput = [4]\nlayer = ["
                                                  "{type = 'linear', name = 'a', out_features = 4}, "
                                                  "{type = 'batch-norm'}, {type = 'linear', name = 'b', "
                                                  "out_features = 4, weight = 'a.weight', bias = 'a.bias'}]",
                                                  "test"),
                               3, at::kFloat);
  EXPECT_EQ(fold_batch_norm(network).graph().nodes.size(), 3U);
}

TEST(FoldingTest, TakesSettingsThatAreWholeNumbers) {
  const Network network =
      draw(parse_network_toml("name = 'whole'\ninput = [2, 9]\nlayer = ["
                              "{type = 'conv1d', out_channels = 3, kernel = 3}, "
                              "{type = 'batch-norm', epsilon = 1}, {type = 'relu'}, "
                              "{type = 'batch-norm', epsilon = 2}, {type = 'clip', min = 0, max = 3}, "
                              "{type = 'reduce-mean', axes = 1}, {type = 'linear', out_features = 2}]",
                              "test"),
           3, at::kFloat);
  expect_agreement(network, 3);
}

TEST(FoldingTest, MasksWhatIsZero) {
  Network network = draw(LayerStack("zeros", {4}).linear(3).relu().linear(2).finish(), 3, at::kFloat);
  at::Tensor weight = network.parameters().front()->value.clone();
  weight[1].zero_();
  network.parameters().front()->assign(weight);
  mask_zeros(network);
  EXPECT_EQ(network.parameters().front()->kept(), 8);
  EXPECT_EQ(network.parameters()[2]->pattern, nullptr);
}

}  // namespace
}  // namespace ntt
