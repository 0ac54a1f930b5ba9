#include "ntt/nn/sweeps.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "ntt/models/network_toml.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

Network parse(const std::string& text) {
  return draw(parse_network_toml(text, "test"), 1);
}

at::Tensor draw_like(at::IntArrayRef shape, std::uint64_t seed) {
  RandomStream stream(seed, "test-sweeps");
  return random_normal(stream, shape, 1.0, at::kDouble);
}

class SweepsTest : public testing::TestWithParam<std::string> {
 protected:
  const Graph& graph() const { return small_network(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Networks, SweepsTest, testing::ValuesIn(small_network_names()),
                         [](const auto& test) { return as_identifier(test.param); });

TEST_P(SweepsTest, ForwardAdjointIsBackPropagation) {
  for (const Statistics statistics : {Statistics::running, Statistics::batch, Statistics::batch_constant}) {
    Network network = draw(graph(), 1);
    mask_at_random(network, 0.6, 2);
    const at::Tensor x = draw_inputs(graph(), 4, 3);
    const at::Tensor cotangent = draw_like({4, network.outputs()}, 4);
    const oracle::Leaves leaves = oracle::leaves_of(network);
    const at::Tensor y = oracle::forward(graph(), leaves.effective, x, leaves.state, statistics);
    Tape tape(network, {statistics});
    Gradients gradients(network);
    EXPECT_LT(relative_error(forward(network, x, tape), y.detach()), 1e-12);
    EXPECT_LT(relative_error(run_forward(network, x, statistics), y.detach()), 1e-12);
    forward_adjoint(network, cotangent, tape, gradients);
    EXPECT_LT(relative_error(parts_of(gradients, network), oracle::gradients((cotangent * y).sum(), leaves.effective)),
              1e-10);
  }
}

TEST_P(SweepsTest, TheDerivativeByTheProbesIsAutograds) {
  Network network = draw(graph(), 1);
  mask_at_random(network, 0.6, 2);
  const at::Tensor x = draw_inputs(graph(), 3, 3);
  const at::Tensor probes = draw_like({3, 2, network.outputs()}, 4);
  Tape tape(network, {Statistics::running, true});
  Gradients gradients(network);
  forward(network, x, tape);
  pullback(network, probes, tape);
  // A scalar of the deltas that reach the parameters: here the squares of all of them.
  for (NodeId i = 0; i < tape.nodes.size(); ++i) {
    if (network.op(i).as_parametric() != nullptr) {
      tape.nodes[i].delta_bar = 2 * tape.nodes[i].delta;
    }
  }
  const at::Tensor bar = pullback_adjoint(network, tape, gradients);
  ASSERT_EQ(bar.sizes(), probes.sizes());
  // The deltas are linear in the probes, so that ⟨probes, bar⟩ is twice that scalar.
  double squares = 0;
  for (NodeId i = 0; i < tape.nodes.size(); ++i) {
    if (network.op(i).as_parametric() != nullptr) {
      squares += tape.nodes[i].delta.square().sum().item<double>();
    }
  }
  EXPECT_NEAR((probes * bar).sum().item<double>(), 2 * squares, 1e-10 * squares);
}

TEST(Tape, AsksForNoCotangentsThatNobodyNeeds) {
  const Network network = parse(R"(
    input = [4]
    layer = [
      {type = "relu"},
      {type = "residual", body = [{type = "linear", out_features = 4}]},
      {type = "tanh"},
      {type = "linear", out_features = 4}])");
  const Tape tape(network);
  ASSERT_EQ(tape.nodes.size(), 5U);
  const std::vector<std::vector<bool>> wanted{{false}, {false}, {true, false}, {true}, {true}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(tape.nodes[i].wants_input, wanted[i]) << i;
    EXPECT_EQ(tape.nodes[i].wants_delta_bar, i < 4) << i;
  }
  EXPECT_TRUE(Tape(network, {Statistics::running, true}).nodes[4].wants_delta_bar);
}

TEST(Execution, PoolsBeforeAReluWithTheDerivativesOfTheOtherOrder) {
  // Ties, zeros and windows without a positive entry must not tell.
  const std::string layers = R"(
    input = [2, 9, 8]
    layer = [
      {type = "parameter", name = "p", shape = [2, 9, 8], role = "scale"},
      {type = "mul", inputs = ["input", "p"]},
      {type = "relu"},
      {type = "max-pool", kernel = 3, stride = 2},
      {type = "flatten"},
      {type = "linear", out_features = 3}])";
  Network network = parse(layers);
  ASSERT_EQ(network.execution().nodes[2].type, "max-pool");
  ASSERT_EQ(network.execution().nodes[3].type, "relu");
  EXPECT_EQ(network.graph().nodes[2].type, "relu");
  network.all_parameters()[0]->value.fill_(1);
  const at::Tensor x = draw_like({4, 2, 9, 8}, 1).round_();
  const oracle::Leaves leaves = oracle::leaves_of(network);
  const at::Tensor y = oracle::forward(network.graph(), leaves.effective, x);
  Tape tape(network);
  EXPECT_LT(relative_error(forward(network, x, tape), y.detach()), 1e-14);
  Gradients gradients(network);
  const at::Tensor cotangent = draw_like({4, 3}, 2);
  forward_adjoint(network, cotangent, tape, gradients);
  EXPECT_LT(relative_error(parts_of(gradients, network), oracle::gradients((cotangent * y).sum(), leaves.effective)),
            1e-12);
}

TEST(Execution, KeepsAReluThatOthersReadToo) {
  const Network network = parse(R"(
    input = [2, 4, 4]
    layer = [
      {type = "relu"},
      {type = "max-pool", kernel = 4, name = "a"},
      {type = "average-pool", kernel = 4, name = "b", inputs = ["relu1"]},
      {type = "add", inputs = ["a", "b"]},
      {type = "flatten"},
      {type = "linear", out_features = 3}])");
  EXPECT_EQ(network.execution(), network.graph());
}

TEST(Execution, KeepsAReluThatIsTheOutputOfAPool) {
  const Network network = parse(R"(
    input = [3, 4, 4]
    layer = [
      {type = "conv2d", out_channels = 3, kernel = 1},
      {type = "max-pool", kernel = 4},
      {type = "relu"},
      {type = "flatten"}])");
  EXPECT_EQ(network.execution(), network.graph());
}

TEST(Gradients, AreOneBufferOfTheTrainedParameters) {
  const Network network = draw(small_network("residual-bn"), 1);
  Gradients gradients(network);
  std::int64_t end = 0;
  for (const auto& parameter : network.all_parameters()) {
    const at::Tensor& part = gradients.of(*parameter);
    EXPECT_EQ(part.defined(), parameter->trained()) << parameter->name;
    if (!part.defined()) {
      continue;
    }
    EXPECT_EQ(part.sizes(), at::IntArrayRef(parameter->shape));
    EXPECT_GE(part.storage_offset(), end);
    EXPECT_EQ(part.storage_offset() % 16, 0);
    EXPECT_TRUE(part.is_alias_of(gradients.flat()));
    end = part.storage_offset() + part.numel();
    part.fill_(3);
  }
  EXPECT_GE(gradients.flat().numel(), end);
  gradients.zero();
  EXPECT_TRUE((gradients.flat() == 0).all().item<bool>());
}

TEST(Gradients, OfATiedParameterAreOne) {
  const Network network = draw(small_network("tied"), 1);
  const Gradients gradients(network);
  std::vector<at::Tensor> uses;
  for (NodeId i = 0; i < network.graph().nodes.size(); ++i) {
    const NodeParameters parameters = network.parameters_of(i);
    if (!parameters.values.empty() && parameters.values[0]->name == "b.weight") {
      uses.push_back(gradients.of(parameters)[0]);
    }
  }
  ASSERT_EQ(uses.size(), 3U);
  EXPECT_TRUE(uses[0].is_set_to(uses[1]));
  EXPECT_TRUE(uses[0].is_set_to(uses[2]));
}

}  // namespace
}  // namespace ntt
