#include "ntt/prune/ntk_sap.h"

#include "ntt/models/layer_stack.h"
#include "ntt/nn/statistics.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

TEST(NtkSap, ReadsMasksAndNotWeights) {
  const Graph& graph = small_network("lenet");
  Network one = draw(graph, 1);
  Network other = draw(graph, 2);
  mask_at_random(one, 0.4, 3);
  mask_at_random(other, 0.4, 3);
  const Scores scores = ntk_sap_scores(one, {7, 1, 32});
  EXPECT_EQ(relative_error(ntk_sap_scores(other, {7, 1, 32}), scores), 0);
  EXPECT_GT(relative_error(ntk_sap_scores(one, {8, 1, 32}), scores), 0.01) << "another seed draws otherwise";
  EXPECT_GT(relative_error(ntk_sap_scores(one, {7, 2, 32}), scores), 0.01) << "and so does another round";
  const std::vector<Parameter*> weights = prunable_parameters(one);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ((scores[i] * (1 - weights[i]->mask())).abs().max().item<double>(), 0) << "a pruned weight scores nothing";
    EXPECT_GT(scores[i].max().item<double>(), 0);
  }
}

// f = W x: the difference is -ε (m⊙Δ) x, so that the derivative by m_ij of its squares, in the mean over inputs and
// perturbations, is 2 ε² m_ij an input.
TEST(NtkSap, OfALinearMapIsTheSquaredPerturbation) {
  const Network network = draw(LayerStack("linear-map", {40}).linear(50).finish(), 1);
  constexpr std::int64_t kSamples = 256 * 40;
  const at::Tensor scores = ntk_sap_scores(network, {1, 1, kSamples, 0.1})[0];
  // Each of 2,000 entries is a mean over 40 draws of Δ²: a standard deviation of a hundredth of the mean or less.
  EXPECT_NEAR(scores.mean().item<double>() / (2 * 0.01 * kSamples), 1, 0.03);
}

// The same loss once more by autograd, from the network's own draws.
TEST(NtkSap, IsAutogradsDerivativeByTheMask) {
  for (const std::string& name : small_network_names()) {
    const Graph& graph = small_network(name);
    Network masked = draw(graph, 1);
    mask_at_random(masked, 0.5, 3);
    const NtkSapDraw how{5, 3, 8, 0.05};
    Network drawn = Network::random(graph, how.seed, "ntk-sap-3-0", at::kDouble);
    RandomStream stream(how.seed, "ntk-sap-3-0-draws");
    std::vector<at::Tensor> masks;
    std::vector<at::Tensor> weights;
    std::vector<at::Tensor> perturbed;
    for (std::size_t i = 0; i < drawn.parameters().size(); ++i) {
      const Parameter& parameter = *drawn.parameters()[i];
      if (!parameter.prunable) {
        weights.push_back(parameter.value);
        perturbed.push_back(parameter.value);
        continue;
      }
      masks.push_back(masked.parameters()[i]->mask().clone().requires_grad_(true));
      drawn.parameters()[i]->set_mask(masked.parameters()[i]->mask());
      weights.push_back(parameter.value * masks.back());
      const at::Tensor noise = random_normal(stream, parameter.value.sizes(), how.epsilon, at::kDouble);
      perturbed.push_back((parameter.value + noise) * masks.back());
    }
    const at::Tensor inputs = random_normal(stream, graph.batch_shape(how.samples), 1.0, at::kDouble);
    calibrate_statistics(drawn, inputs);
    const std::vector<at::Tensor> state = oracle::leaves_of(drawn).state;
    const at::Tensor difference =
        oracle::forward(graph, weights, inputs, state) - oracle::forward(graph, perturbed, inputs, state);
    Scores expected = oracle::gradients(difference.square().sum(), masks);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = (expected[i].abs() * masks[i]).detach();
    }
    EXPECT_LT(relative_error(ntk_sap_scores(masked, how), expected), 1e-10) << name;
  }
}

}  // namespace
}  // namespace ntt
