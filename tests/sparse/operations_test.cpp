#include "ntt/sparse/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ntt/models/layer_stack.h"
#include "ntt/nn/cost.h"
#include "ntt/sparse/ceiling.h"
#include "tests/sparse/networks.h"

namespace ntt {
namespace {

using namespace testing_support;

std::int64_t sum(const std::vector<LayerOperations>& layers, std::int64_t LayerOperations::*what) {
  std::int64_t total = 0;
  for (const LayerOperations& layer : layers) {
    total += layer.*what;
  }
  return total;
}

TEST(OperationsTest, CountsWhatTheNetworksCostSays) {
  const Network network = draw(sparse_network("lenet"), 3, at::kFloat);
  const std::int64_t one = total_cost(layer_costs(network)).sparse_multiply_adds;
  for (const std::int64_t lanes : {kLanes, std::int64_t{1}}) {
    const Plan plan = make_plan(network, PlanFor::inference, lanes);
    EXPECT_EQ(sum(count_operations(plan, 3), &LayerOperations::multiply_adds), 3 * one);
  }
}

TEST(OperationsTest, ABlockTakesAsManyOperationsHoweverFullItIs) {
  const Plan plan = make_plan(draw(sparse_network("lenet"), 3, at::kFloat), PlanFor::inference);
  for (const auto& [inputs, blocks] : std::map<std::int64_t, std::int64_t>{{1, 1}, {16, 1}, {17, 2}, {64, 4}}) {
    EXPECT_EQ(sum(count_operations(plan, inputs), &LayerOperations::register_adds), blocks * plan.block_operations);
  }
}

/// Four filters of 3 x 3 over two channels of 12 x 15: 10 rows of 13 windows, as 8, 4 and 1.
TEST(OperationsTest, AConvolutionReadsAWeightOnceForEightWindows) {
  const Network network = draw(LayerStack("one", {2, 12, 15}).conv(4, 3).flatten().finish(), 1, at::kFloat);
  const LayerOperations block = count_operations(make_plan(network, PlanFor::inference), 16).front();
  constexpr std::int64_t kWeights = 4 * 2 * 3 * 3;
  EXPECT_EQ(block.register_adds, kWeights * 10 * 13);
  EXPECT_EQ(block.loads, block.register_adds + 2 * kWeights * 10 * 3);
  EXPECT_EQ(block.input_bytes, 2 * 3 * 15 * 16 * 4);
  // Alone, a register holds a row of windows; ten rows are taken as eight and twice one.
  const LayerOperations single = count_operations(make_plan(network, PlanFor::inference, 1), 1).front();
  EXPECT_EQ(single.register_adds, kWeights * 10);
  EXPECT_EQ(single.loads, single.register_adds + 2 * kWeights * 3);
  EXPECT_FALSE(single.gathers);
}

TEST(OperationsTest, ALinearLayerReadsAWeightForEachRegisterAndGathersForASingleInput) {
  const Network network = draw(LayerStack("one", {32}).linear(6).finish(), 1, at::kFloat);
  const LayerOperations block = count_operations(make_plan(network, PlanFor::inference), 16).front();
  EXPECT_EQ(block.register_adds, 6 * 32);
  EXPECT_EQ(block.loads, 3 * 6 * 32);
  EXPECT_EQ(block.input_bytes, 32 * 16 * 4);
  const LayerOperations single = count_operations(make_plan(network, PlanFor::inference, 1), 1).front();
  EXPECT_TRUE(single.gathers);
  EXPECT_EQ(single.register_adds, 6 * 32 / 16);
}

TEST(CeilingTest, EveryRateIsMeasured) {
  const SparseCeilings ceilings = measure_sparse_ceilings();
  for (const double rate : {ceilings.arithmetic, ceilings.first_cache, ceilings.second_cache, ceilings.gather}) {
    EXPECT_GT(rate, 0);
    EXPECT_TRUE(std::isfinite(rate));
  }
}

TEST(CeilingTest, ALayerIsBoundByWhereItsInputsLie) {
  const SparseCeilings ceilings{100, 80, 40, 10};
  const CacheSizes caches{1000, 10000};
  LayerOperations layer;
  layer.register_adds = 5000000;  // 80 million multiply-adds
  layer.input_bytes = 1000;
  EXPECT_EQ(bound_of(layer, ceilings, caches).name, "L1 loads");
  EXPECT_DOUBLE_EQ(bound_of(layer, ceilings, caches).ms, 1);
  EXPECT_EQ(bound_of(layer, {60, 80, 40, 10}, caches).name, "FMA");
  layer.input_bytes = 1001;
  EXPECT_EQ(bound_of(layer, ceilings, caches).name, "L2 loads");
  EXPECT_DOUBLE_EQ(bound_of(layer, ceilings, caches).ms, 2);
  layer.gathers = true;
  EXPECT_EQ(bound_of(layer, ceilings, caches).name, "gathers");
  EXPECT_DOUBLE_EQ(bound_of(layer, ceilings, caches).ms, 8);
}

}  // namespace
}  // namespace ntt
