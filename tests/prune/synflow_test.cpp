#include "ntt/prune/synflow.h"

#include "ntt/models/layer_stack.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

TEST(Synflow, OfTwoLayersIsTheFlowAlongTheirPaths) {
  Network network = draw(LayerStack("two-layers", {3}).linear(4).relu().linear(2).finish(), 1);
  mask_at_random(network, 0.7, 2);
  const auto magnitude = [&](std::size_t i) { return network.parameters()[i]->effective.abs(); };
  const at::Tensor hidden = magnitude(0).sum(1) + magnitude(1);
  const at::Tensor first = magnitude(0) * magnitude(2).sum(0).unsqueeze(1);
  const at::Tensor second = magnitude(2) * hidden.unsqueeze(0);
  EXPECT_LT(relative_error(synflow_scores(network), {first, second}), 1e-12);
}

using SynflowTest = ScoresTest;

TEST_P(SynflowTest, IsAutogradsDerivativeOfTheMagnitudesNetwork) {
  for_both_densities([&](Case& one) {
    Network magnitudes = one.network.clone();
    for (const auto& parameter : magnitudes.all_parameters()) {
      parameter->value.abs_();
      if (!parameter->trained()) {  // batch norm lets what it scales through
        parameter->value.fill_(parameter->role == Role::variance ? 1 : 0);
      }
      parameter->refresh();
    }
    std::vector<std::int64_t> shape = one.inputs.sizes().vec();
    shape[0] = 1;
    const oracle::Leaves leaves = oracle::leaves_of(magnitudes);
    const at::Tensor ones = at::ones(shape, at::kDouble);
    const at::Tensor flow = oracle::forward(one.network.graph(), leaves.effective, ones, leaves.state).sum();
    const std::vector<at::Tensor> gradients = oracle::gradients(flow, leaves.effective);
    Scores expected;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (one.network.parameters()[i]->prunable) {
        expected.push_back((gradients[i] * leaves.effective[i]).abs().detach());
      }
    }
    EXPECT_LT(relative_error(synflow_scores(one.network), expected), 1e-12);
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, SynflowTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(Synflow, OfAFloatNetworkIsInDoubleBeyondTheFloatsRange) {
  LayerStack stack("deep", {64});
  for (int i = 0; i < 20; ++i) {
    stack.linear(64);
  }
  Network network = draw(stack.finish(), 1, at::kFloat);
  for (Parameter* parameter : network.parameters()) {
    parameter->value.mul_(30);
    parameter->refresh();
  }
  for (const at::Tensor& score : synflow_scores(network)) {
    EXPECT_EQ(score.scalar_type(), at::kDouble);
    EXPECT_TRUE(at::isfinite(score).all().item<bool>());
    EXPECT_GT(score.max().item<double>(), 1e38);
  }
}

}  // namespace
}  // namespace ntt
