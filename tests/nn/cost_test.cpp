#include "ntt/nn/cost.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/models/zoo.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

TEST(LayerCosts, OfLenet5AreThoseCountedByHand) {
  const Network network = Network::random(zoo_model("lenet-5-caffe", {1, 28, 28}, 10), 1);
  const std::vector<LayerCost> costs = layer_costs(network);
  ASSERT_EQ(costs.size(), 4U);
  const std::vector<std::int64_t> weights{20 * 25, 50 * 20 * 25, 800 * 500, 5000};
  const std::vector<std::int64_t> positions{24 * 24, 8 * 8, 1, 1};
  const std::vector<std::int64_t> biases{20, 50, 500, 10};
  for (std::size_t i = 0; i < costs.size(); ++i) {
    EXPECT_EQ(costs[i].weights, weights[i]);
    EXPECT_EQ(costs[i].kept, weights[i]);
    EXPECT_EQ(costs[i].biases, biases[i]);
    EXPECT_EQ(costs[i].positions, positions[i]);
    EXPECT_EQ(costs[i].dense_multiply_adds(), weights[i] * positions[i]);
    EXPECT_EQ(costs[i].dense_bytes(), 4 * (weights[i] + biases[i]));
    EXPECT_EQ(costs[i].masked_bytes, costs[i].dense_bytes());
    EXPECT_EQ(costs[i].compact_bytes, costs[i].dense_bytes());
    EXPECT_EQ(costs[i].empty_outputs, 0);
    EXPECT_EQ(costs[i].unread_inputs, 0);
  }
  EXPECT_EQ(costs[1].name, "conv2");
  EXPECT_EQ(costs[1].input, (Shape{20, 12, 12}));
  EXPECT_EQ(costs[1].output, (Shape{50, 8, 8}));
  EXPECT_EQ(costs[2].input, Shape{800});
  EXPECT_EQ(costs[2].output, Shape{500});
  const TotalCost total = total_cost(costs);
  EXPECT_EQ(total.weights, 430500);
  EXPECT_EQ(total.dense_multiply_adds, 288000 + 1600000 + 400000 + 5000);
}

TEST(LayerCosts, OfASparseNetworkCountWhatIsLeft) {
  Network network = Network::random(zoo_model("lenet-5-caffe", {1, 28, 28}, 10), 1);
  at::Tensor mask = at::zeros({50, 20, 5, 5});
  mask[3][7][1][1] = 1;
  mask[3][8][0][4] = 1;
  mask[9][7][2][2] = 1;
  network.parameters()[2]->set_mask(mask);
  const LayerCost cost = layer_costs(network)[1];
  EXPECT_EQ(cost.kept, 3);
  EXPECT_EQ(cost.empty_outputs, 48);
  EXPECT_EQ(cost.unread_inputs, 18);
  EXPECT_EQ(cost.sparse_multiply_adds(), 3 * 64);
  EXPECT_EQ(cost.sparse_bytes(), 3 * 8 + 51 * 4 + 50 * 4);
  EXPECT_EQ(cost.masked_bytes, 25000 * 5 + 50 * 4);
  EXPECT_EQ(cost.compact_bytes, 3 * 4 + 3 * 2 + 50 * 4) << "three gaps of two bytes each";
  EXPECT_DOUBLE_EQ(cost.density(), 3. / 25000);
}

TEST(LayerCosts, ReachIntoResidualBlocks) {
  const Network network = testing_support::draw(testing_support::small_network("residual-cnn"), 1);
  std::size_t weights = 0;
  for (const Parameter* parameter : network.parameters()) {
    weights += parameter->prunable ? 1 : 0;
  }
  const std::vector<LayerCost> costs = layer_costs(network);
  ASSERT_EQ(costs.size(), weights);
  for (const LayerCost& cost : costs) {
    EXPECT_GT(cost.positions, 0) << cost.name;
  }
}

TEST(LayerCosts, OfAGroupedConvolutionCountTheChannelsOfEachGroup) {
  Network network = testing_support::draw(testing_support::small_network("separable"), 1, at::kFloat);
  Parameter& depthwise = *network.parameters()[0];  // [6, 1, 3, 3] on three channels
  ASSERT_EQ(depthwise.shape, (Shape{6, 1, 3, 3}));
  at::Tensor mask = at::zeros(depthwise.shape);
  mask[2][0][1][1] = 1;  // of the second channel's group
  depthwise.set_mask(mask);
  const LayerCost cost = layer_costs(network)[0];
  EXPECT_EQ(cost.unread_inputs, 2);
  EXPECT_EQ(cost.empty_outputs, 5);
  EXPECT_EQ(cost.positions, 25);
  EXPECT_EQ(cost.dense_multiply_adds(), 6 * 9 * 25);
}

TEST(LayerCosts, OfSharedWeightsAreCountedOnceAndTheirWorkAtEachUse) {
  const Network network = testing_support::draw(testing_support::small_network("tied"), 1);
  const std::vector<LayerCost> costs = layer_costs(network);
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_EQ(costs[1].name, "b");
  EXPECT_EQ(costs[1].weights, 25);
  EXPECT_EQ(costs[1].positions, 3);
}

TEST(LayerCosts, OfALinearLayerOnTokensCountEachToken) {
  const Network network = testing_support::draw(testing_support::small_network("transformer"), 1);
  const std::vector<LayerCost> costs = layer_costs(network);
  ASSERT_EQ(costs.size(), 6U);
  EXPECT_EQ(costs[1].name, "fc1");
  EXPECT_EQ(costs[1].dense_multiply_adds(), 4 * 6 * 18);
}

}  // namespace
}  // namespace ntt
