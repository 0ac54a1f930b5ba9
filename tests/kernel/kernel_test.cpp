#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/kernel/linearisation.h"
#include "ntt/kernel/probes.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

class KernelTest : public testing::TestWithParam<std::string> {
 protected:
  const Graph& graph() const { return small_network(GetParam()); }

  /// The worst relative error of kernel() over probes and both ways to choose the sides.
  double worst_error(const Network& network, ParameterSet parameters) const {
    const auto dtype = network.dtype();
    Network reference = network.clone();
    reference.to(at::kCPU, at::kDouble);
    const at::Tensor x1 = draw_inputs(graph(), 3, 1, dtype);
    const at::Tensor x2 = draw_inputs(graph(), 2, 2, dtype);
    const oracle::Leaves leaves = oracle::leaves_of(reference);
    const bool active = parameters == ParameterSet::active;
    const auto jacobian_at = [&](const at::Tensor& x) {
      return oracle::jacobian(oracle::forward(graph(), leaves.effective, x.to(at::kDouble), leaves.state), leaves,
                              active)
          .detach();
    };
    const at::Tensor jacobian1 = jacobian_at(x1);
    const at::Tensor jacobian2 = jacobian_at(x2);
    double worst = 0;
    for (std::int64_t probes = 0; probes <= network.outputs(); ++probes) {  // 0: unit vectors
      const at::Tensor v1 = directions(network, 3, probes, 7);
      const at::Tensor v2 = directions(network, 2, probes, 8);
      Linearisation batch1 = linearise(network, x1, v1);
      Linearisation batch2 = linearise(network, x2, v2);
      const at::Tensor w1 = v1.to(at::kDouble);
      const at::Tensor w2 = v2.to(at::kDouble);
      const Side all1{&batch1, 0, 3};
      worst = std::max(
          worst, relative_error(kernel(network, all1, all1, parameters), oracle::kernel(jacobian1, w1, jacobian1, w1)));
      worst = std::max(worst, relative_error(kernel(network, all1, {&batch2, 0, 2}, parameters),
                                             oracle::kernel(jacobian1, w1, jacobian2, w2)));
      const at::Tensor part = kernel(network, {&batch1, 0, 1}, {&batch1, 1, 2}, parameters);
      worst = std::max(worst, relative_error(part, oracle::kernel(jacobian1.narrow(0, 0, 1), w1.narrow(0, 0, 1),
                                                                  jacobian1.narrow(0, 1, 2), w1.narrow(0, 1, 2))));
    }
    return worst;
  }

  static at::Tensor directions(const Network& network, std::int64_t inputs, std::int64_t probes, std::uint64_t seed) {
    const auto options = at::TensorOptions().dtype(network.dtype());
    if (probes == 0) {
      return unit_probes(inputs, network.outputs(), options);
    }
    RandomStream stream(seed, "test-probes");
    return random_probes(stream, inputs, probes, network.outputs(), options);
  }
};

TEST_P(KernelTest, EqualsTheAutogradJacobians) {
  Network network = draw(graph(), 3);
  EXPECT_LT(worst_error(network, ParameterSet::all), 1e-10);
  EXPECT_LT(worst_error(network, ParameterSet::active), 1e-10) << "without masks, every parameter is active";
  mask_at_random(network, 0.4, 4);
  const double all = worst_error(network, ParameterSet::all);
  const double active = worst_error(network, ParameterSet::active);
  EXPECT_LT(all, 1e-10);
  EXPECT_LT(active, 1e-10);
  RecordProperty("worst", std::to_string(std::log10(std::max(all, active))));
}

TEST_P(KernelTest, InFloat32ToItsRounding) {
  Network network = draw(graph(), 5, at::kFloat);
  double worst = worst_error(network, ParameterSet::all);
  mask_at_random(network, 0.4, 6);
  worst = std::max({worst, worst_error(network, ParameterSet::all), worst_error(network, ParameterSet::active)});
  EXPECT_LT(worst, 1e-4);
  RecordProperty("worst", std::to_string(std::log10(worst)));
}

TEST_P(KernelTest, OutputsAreTheNetworks) {
  Network network = draw(graph(), 9);
  mask_at_random(network, 0.5, 9);
  const at::Tensor inputs = draw_inputs(graph(), 5, 3);
  const oracle::Leaves leaves = oracle::leaves_of(network);
  const at::Tensor expected = oracle::forward(graph(), leaves.effective, inputs, leaves.state).detach();
  EXPECT_LT(relative_error(network.predict(inputs), expected), 1e-12);
  EXPECT_LT(relative_error(linearise(network, inputs, directions(network, 5, 1, 1)).outputs, expected), 1e-12);
  EXPECT_TRUE(at::equal(network.predict(inputs, 2), network.predict(inputs, 2)));
  EXPECT_LT(relative_error(network.predict(inputs, 2), expected), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Networks, KernelTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST(Kernel, IsSymmetricAndPositive) {
  const Graph& graph = small_network("lenet");
  const Network network = draw(graph, 3);
  Linearisation batch = linearise(network, draw_inputs(graph, 4, 1), unit_probes(4, 3, at::kDouble));
  const at::Tensor theta = kernel(network, {&batch, 0, 4}, {&batch, 0, 4}, ParameterSet::all);
  EXPECT_LT(relative_error(theta, theta.t().contiguous()), 1e-14);
  EXPECT_GT(at::linalg_eigvalsh(theta).min().item<double>(), -1e-10);
}

TEST(Kernel, OfALayerWithoutKeptWeightsCountsItsBiases) {
  for (const char* name : {"mlp", "lenet", "one-position"}) {
    SCOPED_TRACE(name);
    const Graph& graph = small_network(name);
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      Network network = draw(graph, 3, dtype);
      for (Parameter* parameter : network.parameters()) {
        if (parameter->prunable) {
          parameter->set_mask(at::zeros_like(parameter->value));
        }
      }
      Linearisation batch = linearise(network, draw_inputs(graph, 2, 1, dtype), unit_probes(2, 3, dtype));
      const at::Tensor theta = kernel(network, {&batch, 0, 2}, {&batch, 0, 2}, ParameterSet::active);
      // With no weight, only the last layer's biases reach the outputs.
      EXPECT_TRUE(at::equal(theta, at::eye(3, dtype).repeat({2, 2})));
    }
  }
}

TEST(Probes, AreRowsOfARotation) {
  RandomStream stream(1, "probes");
  const at::Tensor probes = random_probes(stream, 50, 4, 4, at::kDouble);
  const at::Tensor expected = at::eye(4, at::kDouble).mul(4).expand({50, 4, 4});
  EXPECT_LT((at::bmm(probes, probes.transpose(1, 2)) - expected).abs().max().item<double>(), 1e-13);
  EXPECT_LT((at::bmm(probes.transpose(1, 2), probes) - expected).abs().max().item<double>(), 1e-13);
}

TEST(Probes, HaveIdentityCovarianceAndMeanZero) {
  RandomStream stream(2, "probes");
  const std::int64_t count = 40000;
  const at::Tensor probes = random_probes(stream, count, 2, 5, at::kDouble).flatten(0, 1);
  const at::Tensor covariance = at::mm(probes.t(), probes) / (2 * count);
  EXPECT_LT((covariance - at::eye(5, at::kDouble)).abs().max().item<double>(), 0.03);
  EXPECT_LT(probes.mean(0).abs().max().item<double>(), 0.02);
}

TEST(Probes, RefuseMoreThanTheOutputs) {
  RandomStream stream(1, "probes");
  EXPECT_THROW(random_probes(stream, 2, 4, 3, at::kDouble), InputError);
  EXPECT_THROW(random_probes(stream, 2, 0, 3, at::kDouble), InputError);
}

}  // namespace
}  // namespace ntt
