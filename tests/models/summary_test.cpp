#include "ntt/models/summary.h"

#include <gtest/gtest.h>

#include "ntt/models/network_toml.h"
#include "ntt/models/zoo.h"

namespace ntt {
namespace {

TEST(Summary, CountsWhatANodeTakes) {
  const std::vector<NodeSummary> nodes = summarise(zoo_model("resnet-20", {3, 32, 32}, 10));
  const NodeSummary& first = nodes.front();
  EXPECT_EQ(first.name, "conv1");
  EXPECT_TRUE(first.reads_previous);
  EXPECT_EQ(first.output, (Shape{16, 32, 32}));
  EXPECT_EQ(first.weights, (std::vector<Shape>{{16, 3, 3, 3}}));
  EXPECT_EQ(first.parameters, 432);
  EXPECT_EQ(first.prunable, 432);
  EXPECT_EQ(first.multiply_adds, 432 * 32 * 32);
  EXPECT_EQ(nodes[1].type, "batch-norm");
  EXPECT_EQ(nodes[1].parameters, 32) << "running statistics are not trained";
  EXPECT_EQ(nodes[1].prunable, 0);
}

TEST(Summary, SaysWhatASumReads) {
  const std::vector<NodeSummary> nodes = summarise(zoo_model("resnet-20", {3, 32, 32}, 10));
  const auto sum = std::ranges::find(nodes, "layer2.0.add1", &NodeSummary::name);
  ASSERT_NE(sum, nodes.end());
  EXPECT_EQ(sum->inputs, (std::vector<std::string>{"layer2.0.bn2", "layer2.0.downsample.1"}));
  EXPECT_FALSE(sum->reads_previous);
}

TEST(Summary, AddsUp) {
  const GraphTotal total = total_of(summarise(zoo_model("resnet-20", {3, 32, 32}, 10)));
  EXPECT_EQ(total.parameters, 272474);
  // Without the batch norms of 16 + 6*16, 7*32 and 7*64 channels and the classifier's 10 biases.
  EXPECT_EQ(total.prunable, 272474 - 2 * (7 * 16 + 7 * 32 + 7 * 64) - 10);
  // Convolutions: 32x32 times 432 + 6*2304, 16x16 times 4608 + 5*9216 + 512, 8x8 times 18432 + 5*36864 + 2048; 640.
  EXPECT_EQ(total.multiply_adds, 1024 * 14256 + 256 * 51200 + 64 * 204800 + 640);
}

TEST(Summary, CountsATiedWeightOnce) {
  const std::vector<NodeSummary> nodes = summarise(parse_network_toml(R"(
      input = [4]
      layer = [{type = "linear", out_features = 4}, {type = "linear", out_features = 4, weight = "fc1.weight"}]
      )",
                                                                      "tied.toml"));
  EXPECT_EQ(nodes[0].prunable, 16);
  EXPECT_EQ(nodes[1].prunable, 0);
  EXPECT_EQ(nodes[1].parameters, 4) << "its own bias";
  EXPECT_EQ(nodes[1].multiply_adds, 16);
}

}  // namespace
}  // namespace ntt
