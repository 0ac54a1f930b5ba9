#include "ntt/prune/px.h"

#include "ntt/models/layer_stack.h"
#include "ntt/nn/sweeps.h"
#include "tests/prune/scores_test.h"

namespace ntt {
namespace {

/// What the networks below compute, written in libtorch's operations: with the network's own weights, which decide what
/// is open, beside the flow z1 through unit weights.
struct Flow {
  at::Tensor value;  ///< of the network itself
  at::Tensor units;  ///< z1 so far

  /// @param kept 1 where the mask keeps a weight
  Flow linear(const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& kept) const {
    return {at::linear(value, weight, bias), at::linear(units, kept)};
  }
  Flow conv(const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& kept, std::int64_t padding = 0) const {
    return {at::conv2d(value, weight, bias, 1, padding), at::conv2d(units, kept, {}, 1, padding)};
  }
  Flow relu() const { return {at::relu(value), units * value.gt(0)}; }
  Flow max_pool() const {
    const auto [most, winners] = at::max_pool2d_with_indices(value, {2, 2});
    return {most, units.flatten(2).gather(2, winners.flatten(2)).view(most.sizes())};
  }
  Flow flatten() const { return {value.flatten(1), units.flatten(1)}; }
  Flow plus(const Flow& other) const { return {value + other.value, units + other.units}; }
};

/// θ² ∂R/∂θ² of the weights by autograd, where flow(weights, squares, kept) is Σ z1 · z2.
template <typename Function>
Scores by_autograd(const Network& network, Function&& product) {
  std::vector<at::Tensor> squares, kept;
  for (const Parameter* parameter : network.parameters()) {
    kept.push_back(parameter->pattern ? parameter->mask() : at::ones_like(parameter->value));
    squares.push_back(parameter->effective.square().set_requires_grad(true));
  }
  const std::vector<at::Tensor> gradients = oracle::gradients(product(squares, kept), squares);
  Scores scores;
  for (std::size_t i = 0; i < squares.size(); ++i) {
    if (network.parameters()[i]->prunable) {
      scores.push_back((squares[i] * gradients[i]).detach());
    }
  }
  return scores;
}

std::vector<at::Tensor> effective(const Network& network) {
  std::vector<at::Tensor> values;
  for (const Parameter* parameter : network.parameters()) {
    values.push_back(parameter->effective);
  }
  return values;
}

/// Drawn, dense or masked at random.
Network drawn(const Graph& graph, double density) {
  Network network = draw(graph, 1);
  if (density < 1) {
    mask_at_random(network, density, 3);
  }
  return network;
}

TEST(Px, OfLinearLayersIsAutograds) {
  for (const double density : {1.0, 0.6}) {
    const Network network = drawn(small_network("mlp"), density);
    const at::Tensor inputs = draw_inputs(network.graph(), 300, 2);  // more than a batch of scoring
    const std::vector<at::Tensor> w = effective(network);
    const Scores expected = by_autograd(network, [&](const auto& s, const auto& kept) {
      const Flow data = Flow{inputs, inputs.square()}
                            .linear(w[0], w[1], kept[0])
                            .relu()
                            .linear(w[2], w[3], kept[2])
                            .relu()
                            .linear(w[4], w[5], kept[4]);
      const at::Tensor weight = at::linear(at::linear(at::linear(at::ones({1, 6}, at::kDouble), s[0]), s[2]), s[4]);
      return (data.units * weight).sum();
    });
    EXPECT_LT(relative_error(px_scores(network, inputs), expected), 1e-12);
  }
}

TEST(Px, OfConvolutionsAndMaxPoolsIsAutograds) {
  for (const double density : {1.0, 0.6}) {
    const Network network = drawn(small_network("lenet"), density);
    const at::Tensor inputs = draw_inputs(network.graph(), 9, 2);
    const std::vector<at::Tensor> w = effective(network);
    const Scores expected = by_autograd(network, [&](const auto& s, const auto& kept) {
      const Flow data = Flow{inputs, inputs.square()}
                            .conv(w[0], w[1], kept[0])
                            .relu()
                            .max_pool()
                            .conv(w[2], w[3], kept[2])
                            .relu()
                            .max_pool()
                            .flatten()
                            .linear(w[4], w[5], kept[4])
                            .relu()
                            .linear(w[6], w[7], kept[6]);
      const at::Tensor first = at::max_pool2d(at::conv2d(at::ones({1, 1, 10, 10}, at::kDouble), s[0]), {2, 2});
      const at::Tensor second = at::max_pool2d(at::conv2d(first, s[2]), {2, 2});
      return (data.units * at::linear(at::linear(second.flatten(1), s[4]), s[6])).sum();
    });
    EXPECT_LT(relative_error(px_scores(network, inputs), expected), 1e-12);
  }
}

TEST(Px, OfResidualBlocksWithBatchNormIsAutograds) {
  LayerStack layers("residual", {2, 5, 5});
  layers.add("conv2d", {{"out_channels", 3L}, {"kernel", 3L}, {"padding", 1L}, {"bias", false}});
  layers.add("batch-norm").relu();
  const ValueId shortcut = layers.value();
  layers.add("conv2d", {{"out_channels", 3L}, {"kernel", 3L}, {"padding", 1L}, {"bias", false}});
  layers.add("batch-norm");
  const Graph graph = layers.add("add", {}, "", {layers.value(), shortcut}).relu().flatten().linear(3).finish();
  for (const double density : {1.0, 0.6}) {
    const Network network = drawn(graph, density);
    const at::Tensor inputs = draw_inputs(graph, 9, 2);
    const std::vector<at::Tensor> w = effective(network);  // conv, scale, shift, conv, scale, shift, linear, bias
    std::vector<at::Tensor> state;
    for (const auto& parameter : network.all_parameters()) {
      if (!parameter->trained()) {
        state.push_back(parameter->value);
      }
    }
    constexpr double kEpsilon = 1e-5;
    const double unit = 1 / std::sqrt(1 + kEpsilon);  // what mean 0 and variance 1 let through
    const auto normalise = [&](const Flow& flow, std::size_t at, std::size_t mean) {
      return Flow{at::batch_norm(flow.value, w[at], w[at + 1], state[mean], state[mean + 1], false, 0, kEpsilon, false),
                  flow.units * unit};
    };
    const Scores expected = by_autograd(network, [&](const auto& s, const auto& kept) {
      const Flow first = normalise(Flow{inputs, inputs.square()}.conv(w[0], {}, kept[0], 1), 1, 0).relu();
      const Flow last =
          normalise(first.conv(w[3], {}, kept[3], 1), 4, 2).plus(first).relu().flatten().linear(w[6], w[7], kept[6]);
      const auto scale = [&](std::size_t i) { return s[i].view({1, 3, 1, 1}) * unit; };
      const at::Tensor stem = at::conv2d(at::ones({1, 2, 5, 5}, at::kDouble), s[0], {}, 1, 1) * scale(1);
      const at::Tensor block = at::conv2d(stem, s[3], {}, 1, 1) * scale(4) + stem;
      return (last.units * at::linear(block.flatten(1), s[6])).sum();
    });
    EXPECT_LT(relative_error(px_scores(network, inputs), expected), 1e-12);
  }
}

TEST(Px, SumsOverPathsFromInputsToOutputs) {
  // Of every path: is it open, what does the input give, what are its weights.
  Network network = draw(LayerStack("two-layers", {2}).linear(2).relu().linear(2).finish(), 1);
  const at::Tensor inputs = draw_inputs(network.graph(), 3, 2);
  const std::vector<at::Tensor> w = effective(network);
  const at::Tensor open = (at::linear(inputs, w[0], w[1])).gt(0).to(at::kDouble);
  at::Tensor first = at::zeros({2, 2}, at::kDouble);
  at::Tensor second = at::zeros({2, 2}, at::kDouble);
  for (std::int64_t c = 0; c < 2; ++c) {
    double data = 0;
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t h = 0; h < 2; ++h) {
        data += (open.select(1, h) * inputs.select(1, i).square()).sum().item<double>();
      }
    }
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t h = 0; h < 2; ++h) {
        const at::Tensor weight = (w[2][c][h] * w[0][h][i]).square() * data;
        first[h][i] += weight;
        second[c][h] += weight;
      }
    }
  }
  EXPECT_LT(relative_error(px_scores(network, inputs), {first, second}), 1e-12);
}

using PxTest = ScoresTest;

TEST_P(PxTest, IsFiniteAndLeavesTheNetworkAsItWas) {
  for_both_densities([&](Case& one) {
    const Network before = one.network.clone();
    const Scores scores = px_scores(one.network, one.inputs);
    EXPECT_TRUE(identical(one.network, before));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const Parameter& parameter = *prunable_parameters(one.network)[i];
      EXPECT_TRUE(at::isfinite(scores[i]).all().item<bool>()) << parameter.name;
      EXPECT_EQ(scores[i].sizes(), parameter.value.sizes());
      if (parameter.pattern) {
        EXPECT_EQ(at::count_nonzero(scores[i] * (1 - parameter.mask())).item<std::int64_t>(), 0);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, PxTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

}  // namespace
}  // namespace ntt
