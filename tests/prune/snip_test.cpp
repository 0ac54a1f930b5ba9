#include "ntt/prune/snip.h"

#include "ntt/nn/sweeps.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

/// |w ∂(scalar)/∂w| by autograd.
Scores sensitivities(const oracle::Leaves& leaves, const at::Tensor& scalar) {
  Scores expected = oracle::gradients(scalar, leaves.effective);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] = (leaves.effective[i] * expected[i]).abs().detach();
  }
  return expected;
}

using SnipTest = ScoresTest;

TEST_P(SnipTest, IsAutogradsDerivativeOfTheCrossEntropy) {
  for_both_densities([&](Case& one) {
    const at::Tensor loss = at::cross_entropy_loss(one.outputs, one.labels);
    const Scores expected = of_weights(one.network, sensitivities(one.leaves, loss));
    EXPECT_LT(relative_error(snip_scores(one.network, one.inputs, one.labels), expected), 1e-12);
  });
}

TEST_P(SnipTest, WithoutLabelsIsAutogradsDerivativeOfTheSquaredOutputs) {
  for_both_densities([&](Case& one) {
    const Scores expected = of_weights(one.network, sensitivities(one.leaves, one.outputs.square().sum()));
    EXPECT_LT(relative_error(logit_snip_scores(one.network, one.inputs), expected), 1e-12);
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, SnipTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(Snip, IsTheSameInOneBatchAndInMany) {
  Network network = draw(small_network("lenet"), 1);
  const at::Tensor inputs = draw_inputs(small_network("lenet"), 600, 2);
  const at::Tensor labels = at::arange(600, at::kLong).remainder(network.outputs());
  Scores parts;
  for (const auto& [first, count] : {std::pair{0, 200}, {200, 200}, {400, 200}}) {
    const at::Tensor some = inputs.narrow(0, first, count);
    Tape tape(network);
    Gradients gradients(network);
    const at::Tensor outputs = forward(network, some, tape);
    const at::Tensor onehot = at::one_hot(labels.narrow(0, first, count), network.outputs());
    forward_adjoint(network, (outputs.softmax(1) - onehot) / 600, tape, gradients);
    for (std::size_t i = 0; i < prunable_parameters(network).size(); ++i) {
      const at::Tensor part = gradients.of(*prunable_parameters(network)[i]);
      first == 0 ? parts.push_back(part) : void(parts[i].add_(part));
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = (parts[i] * prunable_parameters(network)[i]->effective).abs();
  }
  EXPECT_LT(relative_error(snip_scores(network, inputs, labels), parts), 1e-12);
}

TEST(Snip, LeavesTheNetworkAsItWas) {
  Network network = draw(small_network("lenet"), 1);
  const Network before = network.clone();
  const at::Tensor inputs = draw_inputs(small_network("lenet"), 3, 2);
  const Scores first = logit_snip_scores(network, inputs);
  const Scores second = logit_snip_scores(network, inputs);
  EXPECT_EQ(relative_error(second, first), 0);
  EXPECT_TRUE(identical(network, before));
}

}  // namespace
}  // namespace ntt
