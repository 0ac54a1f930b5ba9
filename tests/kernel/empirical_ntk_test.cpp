#include "ntt/kernel/empirical_ntk.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/kernel/probes.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

constexpr std::int64_t kLeft = 5;
constexpr std::int64_t kRight = 4;

KernelInputs draw_side(const Graph& graph, std::int64_t count, std::uint64_t seed, std::int64_t probes,
                       at::ScalarType dtype = at::kDouble) {
  KernelInputs side{draw_inputs(graph, count, seed, dtype), {}};
  if (probes > 0) {
    RandomStream stream(seed, "test-probes");
    side.probes = random_probes(stream, count, probes, 3, dtype);
  }
  return side;
}

Network masked_network(const Graph& graph, at::ScalarType dtype = at::kDouble) {
  Network network = draw(graph, 3, dtype);
  mask_at_random(network, 0.5, 4);
  return network;
}

/// From autograd's Jacobians in float64, [N, M, k, k].
at::Tensor expected_kernel(const Network& network, const KernelInputs& left, const KernelInputs& right, bool active) {
  Network reference = network.clone();
  reference.to(at::kCPU, at::kDouble);
  const oracle::Leaves leaves = oracle::leaves_of(reference);
  const auto rows_of = [&](const KernelInputs& side) {
    const at::Tensor outputs =
        oracle::forward(network.graph(), leaves.effective, side.inputs.to(at::kDouble), leaves.state);
    const at::Tensor jacobian = oracle::jacobian(outputs, leaves, active).detach();
    return side.probes.defined() ? at::bmm(side.probes.to(at::kDouble), jacobian) : jacobian;
  };
  return at::einsum("iap,jbp->ijab", {rows_of(left), rows_of(right)});
}

/// The kernel put together from its blocks, and how often each entry was handed over.
struct Tiles {
  at::Tensor values;
  at::Tensor visits;
};

Tiles collect(const Network& network, const KernelInputs& left, const KernelInputs& right, std::int64_t block_inputs) {
  Tiles tiles;
  tiles.visits = at::zeros({left.inputs.size(0), right.inputs.size(0)}, at::kLong);
  for_each_kernel_block(network, left, right, ParameterSet::all, block_inputs, [&](const KernelBlock& block) {
    const auto part = [&](const at::Tensor& whole) {
      return whole.narrow(0, block.first_left, block.values.size(0)).narrow(1, block.first_right, block.values.size(1));
    };
    EXPECT_LE(block.values.size(0), block_inputs);
    EXPECT_LE(block.values.size(1), block_inputs);
    EXPECT_TRUE(block.values.is_contiguous());
    if (!tiles.values.defined()) {
      tiles.values = at::zeros({left.inputs.size(0), right.inputs.size(0), block.values.size(2), block.values.size(3)},
                               block.values.options());
    }
    part(tiles.visits).add_(1);
    part(tiles.values).copy_(block.values);
  });
  return tiles;
}

class EmpiricalNtkTest : public testing::TestWithParam<std::string> {
 protected:
  const Graph& graph() const { return small_network(GetParam()); }
};

TEST_P(EmpiricalNtkTest, IsAutogradsBetweenOneSetOfInputsAndBetweenTwo) {
  const Network network = masked_network(graph());
  for (const std::int64_t probes : {0, 1, 2}) {
    const KernelInputs left = draw_side(graph(), kLeft, 1, probes);
    const KernelInputs right = draw_side(graph(), kRight, 2, probes);
    for (const ParameterSet parameters : {ParameterSet::all, ParameterSet::active}) {
      const bool active = parameters == ParameterSet::active;
      EXPECT_LT(relative_error(empirical_ntk(network, left, right, parameters, 2),
                               expected_kernel(network, left, right, active)),
                1e-10);
      EXPECT_LT(relative_error(empirical_ntk(network, left, left, parameters, 2),
                               expected_kernel(network, left, left, active)),
                1e-10);
    }
  }
}

TEST_P(EmpiricalNtkTest, InFloat32ToItsRounding) {
  const Network network = masked_network(graph(), at::kFloat);
  for (const std::int64_t probes : {0, 2}) {
    const KernelInputs left = draw_side(graph(), kLeft, 1, probes, at::kFloat);
    const KernelInputs right = draw_side(graph(), kRight, 2, probes, at::kFloat);
    for (const ParameterSet parameters : {ParameterSet::all, ParameterSet::active}) {
      const at::Tensor theta = empirical_ntk(network, left, right, parameters, 3);
      EXPECT_EQ(theta.scalar_type(), at::kFloat);
      EXPECT_LT(relative_error(theta, expected_kernel(network, left, right, parameters == ParameterSet::active)), 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, EmpiricalNtkTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

class KernelBlocksTest : public testing::TestWithParam<std::int64_t> {};

TEST_P(KernelBlocksTest, TileTheWholeOnceAndOfAnySizeGiveTheSameKernel) {
  const Graph& graph = small_network("lenet");
  const Network network = masked_network(graph);
  for (const std::int64_t probes : {0, 2}) {
    const KernelInputs left = draw_side(graph, kLeft, 1, probes);
    const KernelInputs right = draw_side(graph, kRight, 2, probes);
    for (const KernelInputs* other : {&right, &left}) {
      const Tiles tiles = collect(network, left, *other, GetParam());
      EXPECT_TRUE(at::equal(tiles.visits, at::ones_like(tiles.visits)));
      const at::Tensor whole = empirical_ntk(network, left, *other, ParameterSet::all, 100);
      EXPECT_LT(relative_error(tiles.values, whole), 1e-13);
      EXPECT_TRUE(at::equal(empirical_ntk(network, left, *other, ParameterSet::all, GetParam()), tiles.values));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, KernelBlocksTest, testing::Values(1, 2, 3, 4, 5, 64));

TEST(EmpiricalNtk, OfOneSetOfInputsIsSymmetric) {
  const Graph& graph = small_network("mlp-gelu");
  const KernelInputs side = draw_side(graph, kLeft, 1, 2);
  const at::Tensor theta = empirical_ntk(masked_network(graph), side, side, ParameterSet::active, 2);
  EXPECT_LT(relative_error(theta, theta.permute({1, 0, 3, 2}).contiguous()), 1e-14);
}

TEST(EmpiricalNtk, TakesOtherProbesOnEitherSideOfTheSameInputs) {
  const Graph& graph = small_network("lenet");
  const Network network = masked_network(graph);
  const KernelInputs left = draw_side(graph, kLeft, 1, 2);
  KernelInputs right = left;
  RandomStream stream(9, "test-probes");
  for (const std::int64_t probes : {0, 1, 2, 3}) {
    right.probes = probes == 0 ? at::Tensor() : random_probes(stream, kLeft, probes, 3, at::kDouble);
    EXPECT_LT(relative_error(empirical_ntk(network, left, right, ParameterSet::all, 2),
                             expected_kernel(network, left, right, false)),
              1e-10)
        << probes;
  }
}

TEST(EmpiricalNtk, TakesInputsThatAreAViewOfOthers) {
  const Graph& graph = small_network("lenet");
  const Network network = masked_network(graph);
  const at::Tensor images = draw_inputs(graph, 6, 1);
  const KernelInputs left{images.slice(0, 0, 6, 2), {}};
  const KernelInputs right{images.flip(0).transpose(2, 3), {}};
  EXPECT_LT(relative_error(empirical_ntk(network, left, right, ParameterSet::all, 2),
                           expected_kernel(network, left, right, false)),
            1e-10);
}

}  // namespace
}  // namespace ntt
