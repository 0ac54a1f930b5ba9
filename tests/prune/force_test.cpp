#include "ntt/prune/force.h"

#include "ntt/prune/method.h"
#include "ntt/prune/snip.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

using ForceTest = ScoresTest;

TEST_P(ForceTest, IsAutogradsDerivativeAtTheMaskedNetworkOfPrunedWeightsToo) {
  for_both_densities([&](Case& one) {
    const at::Tensor loss = at::cross_entropy_loss(one.outputs, one.labels);
    const std::vector<at::Tensor> gradients = oracle::gradients(loss, one.leaves.effective);
    Scores expected;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      expected.push_back((one.network.parameters()[i]->value * gradients[i]).abs().detach());
    }
    EXPECT_LT(relative_error(force_scores(one.network, one.inputs, one.labels), of_weights(one.network, expected)),
              1e-12);
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, ForceTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

/// What prune() keeps of lenet with so many rounds.
Network skeleton(const char* method, std::int64_t rounds) {
  const Graph& graph = small_network("lenet");
  Network network = draw(graph, 1);
  const PruneData data{draw_inputs(graph, 40, 2), at::arange(40, at::kLong).remainder(network.outputs())};
  PruneOptions options;
  options.density = 0.1;
  options.scope = Scope::global;
  options.rounds = rounds;
  prune(network, find_prune_method(method), data, options);
  return network;
}

TEST(Force, InOneRoundIsSnipAndSoIsIterativeSnip) {
  const Network snip = skeleton("snip", 0);
  EXPECT_TRUE(identical(skeleton("force", 1), snip));
  EXPECT_TRUE(identical(skeleton("iterative-snip", 1), snip));
  EXPECT_FALSE(identical(skeleton("iterative-snip", 10), snip));
  EXPECT_FALSE(identical(skeleton("force", 10), skeleton("iterative-snip", 10)));
}

TEST(Force, LetsWeightsReturnWhichIterativeSnipDoesNot) {
  const Graph& graph = small_network("lenet");
  const at::Tensor inputs = draw_inputs(graph, 40, 2);
  const at::Tensor labels = at::arange(40, at::kLong).remainder(3);
  const auto returned = [&](auto&& scores) {
    Network network = draw(graph, 1);
    at::Tensor before;
    double count = 0;
    for (const double density : {0.5, 0.3, 0.2, 0.12}) {
      mask_by_scores(network, scores(network, inputs, labels), density, Scope::global);
      const at::Tensor now = prunable_parameters(network)[2]->mask();
      count += before.defined() ? (now * (1 - before)).sum().item<double>() : 0;
      before = now;
    }
    return count;
  };
  EXPECT_GT(returned(force_scores), 0);
  EXPECT_EQ(returned(snip_scores), 0);
}

}  // namespace
}  // namespace ntt
