#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>

#include "ntt/prune/mask.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {

using namespace testing_support;

/// A method's scores on every small network, dense and masked, against what autograd says of them.
class ScoresTest : public testing::TestWithParam<std::string> {
 protected:
  struct Case {
    Network network;
    oracle::Leaves leaves;
    at::Tensor outputs;  ///< f(inputs), differentiable
    at::Tensor inputs;
    at::Tensor labels;
  };

  /// Calls check on the dense network and on one at half the density.
  void for_both_densities(const std::function<void(Case&)>& check) const {
    const Graph& graph = small_network(GetParam());
    for (const double density : {1.0, 0.5}) {
      Network network = draw(graph, 1);
      if (density < 1) {
        mask_at_random(network, density, 3);
      }
      const at::Tensor inputs = draw_inputs(graph, 6, 2);
      const oracle::Leaves leaves = oracle::leaves_of(network);
      const at::Tensor outputs = oracle::forward(graph, leaves.effective, inputs, leaves.state);
      const at::Tensor labels = at::arange(6, at::kLong).remainder(outputs.size(1));
      Case one{std::move(network), leaves, outputs, inputs, labels};
      check(one);
    }
  }

  /// What belongs to the weights out of what belongs to all parameters.
  static std::vector<at::Tensor> of_weights(const Network& network, const std::vector<at::Tensor>& all) {
    std::vector<at::Tensor> chosen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (network.parameters()[i]->prunable) {
        chosen.push_back(all[i]);
      }
    }
    return chosen;
  }
};

}  // namespace ntt
