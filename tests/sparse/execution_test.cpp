#include "ntt/sparse/execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/sparse/plan.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using namespace testing_support;

Network masked(const std::string& name, double density, at::ScalarType dtype = at::kFloat) {
  Network network = draw(small_network(name), 3, dtype);
  mask_at_random(network, density, 5);
  return network;
}

TEST(ExecutionTest, IsChosenByDensity) {
  for (const Workload workload : {Workload::training, Workload::inference}) {
    EXPECT_EQ(choose_execution(Execution::automatic, masked("lenet", 0.05), workload, 64), Execution::sparse);
    EXPECT_EQ(choose_execution(Execution::automatic, masked("lenet", 1), workload, 64), Execution::dense);
    EXPECT_EQ(choose_execution(Execution::dense, masked("mlp", 0.05), workload, 64), Execution::dense);
    EXPECT_EQ(choose_execution(Execution::sparse, masked("mlp", 1), workload, 64), Execution::sparse);
  }
}

TEST(ExecutionTest, NeedsLowerDensitiesWhereLanesStayEmpty) {
  for (const Workload workload : {Workload::training, Workload::inference}) {
    EXPECT_LT(break_even(workload, 1).linear, break_even(workload, 64).linear);
    EXPECT_LT(break_even(workload, 1).convolution, break_even(workload, 64).convolution);
  }
  EXPECT_EQ(choose_execution(Execution::automatic, masked("mlp", 0.3), Workload::training, 64), Execution::sparse);
  EXPECT_EQ(choose_execution(Execution::automatic, masked("mlp", 0.3), Workload::training, 1), Execution::dense);
}

TEST(ExecutionTest, CountsLayersByTheirMultiplyAdds) {
  Network network = draw(small_network("lenet"), 3, at::kFloat);
  // The convolutions have most of the multiply-adds: a dense linear layer behind them changes little.
  for (Parameter* parameter : network.parameters()) {
    if (parameter->shape.size() == 4) {
      parameter->set_mask(at::zeros_like(parameter->value));
    }
  }
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::training, 64), Execution::sparse);
}

TEST(ExecutionTest, IsDenseInDoublePrecision) {
  const Network network = masked("mlp", 0.05, at::kDouble);
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::training, 64), Execution::dense);
  try {
    choose_execution(Execution::sparse, network, Workload::training, 64);
    FAIL() << "was accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("float32"));
  }
}

TEST(ExecutionTest, IsDenseWhereThereIsNoPlan) {
  const LayerSpec flatten{"flatten", "", {}, {}, {}};
  const LayerSpec linear{"linear", "", {{"out_features", 12}}, {}, {}};
  Network network = draw({"mixed", {3, 2, 2}, {{"residual", "", {}, {flatten, linear}, {flatten}}}}, 3, at::kFloat);
  mask_at_random(network, 0.05, 5);
  EXPECT_EQ(choose_execution(Execution::automatic, network, Workload::inference, 64), Execution::dense);
  try {
    choose_execution(Execution::sparse, network, Workload::inference, 64);
    FAIL() << "was accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("flattened image"));
  }
}

TEST(ExecutionTest, IsChosenForSeveralBatchSizesAtOnce) {
  const Network network = masked("mlp", 0.3);
  for (const Execution asked : {Execution::automatic, Execution::sparse, Execution::dense}) {
    const std::vector<Execution> chosen = choose_executions(asked, network, Workload::training, {1, 64});
    EXPECT_THAT(chosen, testing::ElementsAre(choose_execution(asked, network, Workload::training, 1),
                                             choose_execution(asked, network, Workload::training, 64)));
  }
}

TEST(ExecutionTest, LooksAtNoWeightToSeeWhetherThereIsAPlan) {
  check_plan(Network(small_network("residual-cnn")), PlanFor::inference);  // whose weights are undefined
}

TEST(ExecutionTest, HasThreeNames) {
  for (const char* name : {"auto", "sparse", "dense"}) {
    EXPECT_EQ(to_string(parse_execution(name)), name);
  }
  EXPECT_THROW(parse_execution("fast"), InputError);
}

}  // namespace
}  // namespace ntt
