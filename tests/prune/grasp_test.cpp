#include "ntt/prune/grasp.h"

#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

using GraspTest = ScoresTest;

TEST_P(GraspTest, IsAutogradsHessianTimesTheGradient) {
  for_both_densities([&](Case& one) {
    const std::vector<at::Tensor> weights = of_weights(one.network, one.leaves.effective);
    const at::Tensor loss = at::cross_entropy_loss(one.outputs, one.labels);
    const std::vector<at::Tensor> gradient = oracle::gradients(loss, weights, true);
    at::Tensor product = at::zeros({}, at::kDouble);
    for (const at::Tensor& part : gradient) {
      product = product + (part * part.detach()).sum();
    }
    Scores expected = oracle::gradients(product, weights);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = (expected[i] * weights[i]).detach();
    }
    EXPECT_LT(relative_error(grasp_scores(one.network, one.inputs, one.labels), expected), 1e-10);
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, GraspTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

/// ‖∂L/∂w‖² over all weights.
double squared_gradient(const Network& network, const at::Tensor& inputs, const at::Tensor& labels) {
  const oracle::Leaves leaves = oracle::leaves_of(network);
  const at::Tensor outputs = oracle::forward(network.graph(), leaves.effective, inputs, leaves.state);
  const at::Tensor loss = at::cross_entropy_loss(outputs, labels);
  const std::vector<at::Tensor> gradients = oracle::gradients(loss, leaves.effective);
  double sum = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    sum += network.parameters()[i]->prunable ? gradients[i].square().sum().item<double>() : 0;
  }
  return sum;
}

TEST(Grasp, IsWhatAWeightsGrowthDoesToTheGradientsNorm) {
  const Graph& graph = small_network("mlp-tanh");
  Network network = draw(graph, 1);
  const at::Tensor inputs = draw_inputs(graph, 6, 2);
  const at::Tensor labels = at::arange(6, at::kLong).remainder(network.outputs());
  const Scores scores = grasp_scores(network, inputs, labels);
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto change = [&](double factor) {
      Network moved = network.clone();
      Parameter& weight = *prunable_parameters(moved)[i];
      weight.value.flatten()[1] *= factor;
      weight.refresh();
      return squared_gradient(moved, inputs, labels);
    };
    const double slope = (change(1 + kStep) - change(1 - kStep)) / (2 * kStep);
    const double score = scores[i].flatten()[1].item<double>();
    EXPECT_NEAR(2 * score, slope, 1e-6 * std::abs(slope) + 1e-12) << prunable_parameters(network)[i]->name;
  }
}

}  // namespace
}  // namespace ntt
