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
  const Plan blocks = make_plan(network, PlanFor::inference);
  EXPECT_EQ(sum(count_operations(blocks, 3), &LayerOperations::multiply_adds), 3 * one);
  const PlanePlan planes = make_plane_plan(network, Products::all);
  EXPECT_EQ(sum(count_operations(planes, 3), &LayerOperations::multiply_adds), 3 * one);
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
}

/// The same for one input: rows of 13 positions lie 15 apart, so that the 148 from the first to the last fill ten
/// registers: two tiles.
TEST(OperationsTest, AConvolutionOfOneInputReadsAWeightOnceATile) {
  const Network network = draw(LayerStack("one", {2, 12, 15}).conv(4, 3).flatten().finish(), 1, at::kFloat);
  const LayerOperations planes = count_operations(make_plane_plan(network, Products::all), 1).front();
  EXPECT_EQ(planes.name, "conv1");
  constexpr std::int64_t kWeights = 4 * 2 * 3 * 3;
  EXPECT_EQ(planes.register_adds, kWeights * 10);
  EXPECT_EQ(planes.loads, planes.register_adds + 2 * kWeights * 2);
  EXPECT_FALSE(planes.gathers);
}

TEST(OperationsTest, ALinearLayerReadsAWeightForEachRegisterAndGathersForASingleInput) {
  const Network network = draw(LayerStack("one", {32}).linear(6).finish(), 1, at::kFloat);
  const LayerOperations block = count_operations(make_plan(network, PlanFor::inference), 16).front();
  EXPECT_EQ(block.register_adds, 6 * 32);
  EXPECT_EQ(block.loads, 3 * 6 * 32);
  EXPECT_EQ(block.input_bytes, 32 * 16 * 4);
  const LayerOperations planes = count_operations(make_plane_plan(network, Products::all), 1).front();
  EXPECT_TRUE(planes.gathers);
  EXPECT_EQ(planes.register_adds, 6 * 32 / 16);
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
