#include "ntt/prune/prospr.h"

#include <gmock/gmock.h>

#include "ntt/core/exceptions.h"
#include "ntt/prune/snip.h"
#include "tests/io/temporary_folder.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

using testing::HasSubstr;

using ProsprTest = ScoresTest;

/// The same with the steps taken by autograd, which keeps their graph.
Scores by_autograd(const Network& network, const at::Tensor& inputs, const at::Tensor& labels,
                   const ProsprOptions& options) {
  const oracle::Leaves leaves = oracle::leaves_of(network);
  const std::int64_t size = inputs.size(0) / (options.steps + 1);
  std::vector<at::Tensor> factors, weights;
  for (const at::Tensor& effective : leaves.effective) {
    factors.push_back(at::ones_like(effective).set_requires_grad(true));
    weights.push_back(factors.back() * effective.detach());
  }
  const auto loss_on = [&](std::int64_t k) {
    const at::Tensor outputs =
        oracle::forward(network.graph(), weights, inputs.narrow(0, k * size, size), leaves.state);
    return at::cross_entropy_loss(outputs, labels.narrow(0, k * size, size));
  };
  for (std::int64_t k = 0; k < options.steps; ++k) {
    const std::vector<at::Tensor> gradients = oracle::gradients(loss_on(k), weights, true);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = weights[i] - options.learning_rate * leaves.kept[i] * gradients[i];
    }
  }
  Scores scores = oracle::gradients(loss_on(options.steps), factors);
  for (at::Tensor& score : scores) {
    score = score.abs().detach();
  }
  return scores;
}

TEST_P(ProsprTest, IsAutogradsDerivativeThroughTheSteps) {
  for_both_densities([&](Case& one) {
    const ProsprOptions options{2, 0.2};
    const Network before = one.network.clone();
    const Scores expected = of_weights(one.network, by_autograd(one.network, one.inputs, one.labels, options));
    EXPECT_LT(relative_error(prospr_scores(one.network, one.inputs, one.labels, options), expected), 1e-10);
    EXPECT_TRUE(identical(one.network, before));
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, ProsprTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(Prospr, WithoutStepsIsSnip) {
  Network network = draw(small_network("lenet"), 1);
  const at::Tensor inputs = draw_inputs(small_network("lenet"), 20, 2);
  const at::Tensor labels = at::arange(20, at::kLong).remainder(3);
  EXPECT_LT(relative_error(prospr_scores(network, inputs, labels, {0, 0.1}), snip_scores(network, inputs, labels)),
            1e-12);
  EXPECT_GT(relative_error(prospr_scores(network, inputs, labels), snip_scores(network, inputs, labels)), 1e-3);
}

TEST(Prospr, WantsAnInputForEachStep) {
  const Network network = draw(small_network("lenet"), 1);
  const at::Tensor inputs = draw_inputs(small_network("lenet"), 3, 2);
  EXPECT_THAT(message_of<InputError>([&] { prospr_scores(network, inputs, at::zeros({3}, at::kLong)); }),
              HasSubstr("takes at least 4 inputs, and there are 3"));
}

}  // namespace
}  // namespace ntt
