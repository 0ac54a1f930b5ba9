#include "ntt/sparse/execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/models/network_toml.h"
#include "ntt/sparse/plan.h"
#include "tests/sparse/networks.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using namespace testing_support;

TEST(ExecutionTest, IsChosenByDensity) {
  for (const Workload workload : {Workload::training, Workload::inference}) {
    EXPECT_EQ(choose_execution(Execution::automatic, draw_masked("lenet", 0.05), workload, 64), Execution::sparse);
    EXPECT_EQ(choose_execution(Execution::automatic, draw_masked("lenet", 1), workload, 64), Execution::dense);
    EXPECT_EQ(choose_execution(Execution::dense, draw_masked("mlp", 0.05), workload, 64), Execution::dense);
    EXPECT_EQ(choose_execution(Execution::sparse, draw_masked("mlp", 1), workload, 64), Execution::sparse);
  }
}

TEST(ExecutionTest, NeedsLowerDensitiesWhereLanesStayEmpty) {
  for (const Workload workload : {Workload::training, Workload::inference}) {
    EXPECT_LT(break_even(workload, 1).linear, break_even(workload, 64).linear);
    EXPECT_LT(break_even(workload, 1).convolution, break_even(workload, 64).convolution);
  }
  EXPECT_EQ(choose_execution(Execution::automatic, draw_masked("mlp", 0.3), Workload::training, 64), Execution::sparse);
  EXPECT_EQ(choose_execution(Execution::automatic, draw_masked("mlp", 0.3), Workload::training, 1), Execution::dense);
}

TEST(ExecutionTest, CountsLayersByTheirMultiplyAdds) {
  Network network = draw(sparse_network("lenet"), 3, at::kFloat);
  // The convolutions have most of the multiply-adds: a dense linear layer behind them changes little.
  for (Parameter* parameter : network.parameters()) {
    if (parameter->shape.size() == 4) {
      parameter->set_mask(at::zeros_like(parameter->value));
    }
  }
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::training, 64), Execution::sparse);
}

TEST(ExecutionTest, IsDenseInDoublePrecision) {
  const Network network = draw_masked("mlp", 0.05, at::kDouble);
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::training, 64), Execution::dense);
  try {
    choose_execution(Execution::sparse, network, Workload::training, 64);
    FAIL() << "was accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("float32"));
  }
}

void expect_refused(const Graph& graph, const std::string& said) {
  SCOPED_TRACE(graph.name + " " + said);
  Network network = draw(graph, 3, at::kFloat);
  mask_at_random(network, 0.05, 5);
  EXPECT_EQ(choose_execution(Execution::sparse, network, Workload::inference, 64), Execution::sparse);
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::training, 64), Execution::sparse);
  EXPECT_FALSE(trains_in_blocks(network));
  try {
    check_plan(network, PlanFor::training);
    ADD_FAILURE() << "was accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("sparse execution does not know " + said));
  }
}

TEST(ExecutionTest, IsByLayerWhereThereIsNoPlan) {
  for (const auto& [name, said] : refusals()) {
    expect_refused(small_network(name), said);
  }
}

TEST(ExecutionTest, IsByLayerForSettingsThatNoStepHas) {
  const std::map<std::string, std::string> cases{
      {"{type = 'conv2d', out_channels = 2, kernel = 2, dilation = 2}", "convolutions with groups or dilation"},
      {"{type = 'conv2d', out_channels = 2, kernel = 2, stride = [1, 2]}", "convolutions whose sides differ"},
      {"{type = 'conv2d', out_channels = 2, kernel = 2, padding = [0, 1]}", "convolutions whose sides differ"},
      {"{type = 'conv2d', out_channels = 2, kernel = 2, padding = [0, 0, 1, 1]}", "convolutions whose sides differ"},
      {"{type = 'max-pool', kernel = [2, 1]}", "pooling over windows that are not square"},
      {"{type = 'max-pool', kernel = 2, stride = [2, 1]}", "pooling over windows that are not square"},
      {"{type = 'max-pool', kernel = 2, padding = 1}", "pooling with padding, dilation or ceil_mode"},
      {"{type = 'max-pool', kernel = 2, dilation = 2}", "pooling with padding, dilation or ceil_mode"},
      {"{type = 'average-pool', kernel = 2, ceil_mode = true}", "pooling with padding, dilation or ceil_mode"},
      {"{type = 'gelu', approximation = 'tanh'}", "gelu layers with an approximation"},
      {"{type = 'parameter', shape = [3]}", "layers of type 'parameter' yet (layer 'parameter1')"},
      {"{type = 'reshape', shape = [6, 9]}, {type = 'linear', out_features = 2}", "layers of type 'reshape'"},
      {"{type = 'reduce-mean', axes = [0, 1], keep_axes = true}, {type = 'add', inputs = ['mean1', 'input']}",
       "layers of type 'reduce-mean'"},
      {"{type = 'max-pool', kernel = 3}, {type = 'add', inputs = ['input', 'pool1']}",
       "sums of values of different shapes yet (layer 'add1')"},
      {"{type = 'flatten'}, {type = 'linear', out_features = 54}, {type = 'add', inputs = ['flatten1', 'fc1']}",
       "sums of a flattened image and a flat output yet (layer 'add1')"}};
  for (const auto& [layers, said] : cases) {
    expect_refused(parse_network_toml("name = 'refused'\ninput = [6, 3, 3]\nlayer = [" + layers +
                                          ", {type = 'flatten'}, {type = 'linear', out_features = 3}]",
                                      "test"),
                   said);
  }
  expect_refused(parse_network_toml("name = 'tokens'\ninput = [4, 6]\nlayer = [{type = 'linear', out_features = 2}, "
                                    "{type = 'flatten'}, {type = 'linear', out_features = 3}]",
                                    "test"),
                 "linear layers on several positions yet (layer 'fc1')");
}

TEST(ExecutionTest, IsChosenForSeveralBatchSizesAtOnce) {
  const Network network = draw_masked("mlp", 0.3);
  for (const Execution asked : {Execution::automatic, Execution::sparse, Execution::dense}) {
    const std::vector<Execution> chosen = choose_executions(asked, network, Workload::training, {1, 64});
    EXPECT_THAT(chosen, testing::ElementsAre(choose_execution(asked, network, Workload::training, 1),
                                             choose_execution(asked, network, Workload::training, 64)));
  }
}

TEST(ExecutionTest, LooksAtNoWeightToSeeWhetherThereIsAPlan) {
  check_plan(Network(sparse_network("residual-cnn")), PlanFor::inference);  // whose weights are undefined
}

TEST(ExecutionTest, HasThreeNames) {
  for (const char* name : {"auto", "sparse", "dense"}) {
    EXPECT_EQ(to_string(parse_execution(name)), name);
  }
  EXPECT_THROW(parse_execution("fast"), InputError);
}

}  // namespace
}  // namespace ntt
