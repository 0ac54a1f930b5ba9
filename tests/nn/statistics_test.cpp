#include "ntt/nn/statistics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/models/network_toml.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace ntt {
namespace {

using namespace testing_support;

Graph normed(const std::string& attributes = "") {
  return parse_network_toml("input = [3, 4, 2]\nlayer = [{type = 'batch-norm'" + attributes +
                                "}, {type = 'tanh'}, {type = 'conv2d', out_channels = 4, kernel = 2}, "
                                "{type = 'batch-norm'}, {type = 'flatten'}, {type = 'linear', out_features = 3}]",
                            "test");
}

const Parameter& named(const Network& network, const std::string& name) {
  for (const auto& parameter : network.all_parameters()) {
    if (parameter->name == name) {
      return *parameter;
    }
  }
  throw std::logic_error("no parameter " + name);
}

/// Mean and unbiased variance of a channel.
std::pair<at::Tensor, at::Tensor> statistics_of(const at::Tensor& x) {
  const at::Tensor channels = x.transpose(0, 1).flatten(1);
  return {channels.mean(1), channels.var(1, true)};
}

TEST(RunningStatistics, MoveByTheMomentumAsPyTorchs) {
  for (const auto& [attributes, momentum] :
       {std::pair("", 0.1), std::pair(", momentum = 0.3", 0.3), std::pair(", momentum = 1", 1.0)}) {
    Network network = draw(normed(attributes), 1);
    const at::Tensor x = draw_inputs(network.graph(), 5, 2);
    at::Tensor mean = named(network, "bn1.running_mean").value.clone();
    at::Tensor variance = named(network, "bn1.running_var").value.clone();
    at::batch_norm(x, {}, {}, mean, variance, true, momentum, 1e-5, false);
    Tape tape(network, {Statistics::batch});
    forward(network, x, tape);
    update_running_statistics(network, tape);
    EXPECT_LT(relative_error(named(network, "bn1.running_mean").effective, mean), 1e-13);
    EXPECT_LT(relative_error(named(network, "bn1.running_var").effective, variance), 1e-13);
  }
}

TEST(RunningStatistics, MoveTowardsWhatEachNormWasGiven) {
  for (const Statistics statistics : {Statistics::running, Statistics::batch_constant}) {
    Network network = draw(normed(), 1);
    Tape tape(network, {statistics});
    forward(network, draw_inputs(network.graph(), 5, 2), tape);
    const auto [mean, variance] = statistics_of(tape.nodes[3].inputs[0]);
    const at::Tensor before = named(network, "bn2.running_mean").value.clone();
    update_running_statistics(network, tape, 0.25);
    EXPECT_LT(relative_error(named(network, "bn2.running_mean").value, 0.75 * before + 0.25 * mean), 1e-13);
    update_running_statistics(network, tape, 1);
    EXPECT_LT(relative_error(named(network, "bn2.running_mean").value, mean), 1e-13);
    EXPECT_LT(relative_error(named(network, "bn2.running_var").value, variance), 1e-13);
  }
}

TEST(RunningStatistics, AChannelThatIsTheSameEverywhereKeepsItsVariance) {
  Network network = draw(normed(), 1);
  const at::Tensor x = draw_inputs(network.graph(), 5, 2);
  x.select(1, 1).fill_(0.5);
  const double before = named(network, "bn1.running_var").value[1].item<double>();
  Tape tape(network, {Statistics::batch_constant});
  forward(network, x, tape);
  EXPECT_NEAR(tape.nodes[0].saved[1][1].item<double>(), 1 / std::sqrt(before + 1e-5), 1e-12) << "not 1 / sqrt(1e-5)";
  update_running_statistics(network, tape);
  EXPECT_EQ(named(network, "bn1.running_var").value[1].item<double>(), before);
  EXPECT_NE(named(network, "bn1.running_var").value[0].item<double>(), before);
}

TEST(RunningStatistics, ThatMoveBetweenTheSweepsLeaveTheDerivativeAlone) {
  Network network = draw(small_network("residual-bn"), 1);
  const at::Tensor x = draw_inputs(network.graph(), 4, 2);
  const at::Tensor cotangent = at::ones({4, 3}, at::kDouble);
  const oracle::Leaves leaves = oracle::leaves_of(network);
  const at::Tensor y = oracle::forward(network.graph(), leaves.effective, x, leaves.state);
  Tape tape(network);
  forward(network, x, tape);
  update_running_statistics(network, tape);
  Gradients gradients(network);
  forward_adjoint(network, cotangent, tape, gradients);
  EXPECT_LT(relative_error(parts_of(gradients, network), oracle::gradients(y.sum(), leaves.effective)), 1e-12);
}

TEST(RunningStatistics, OfASingleValueAreNumbers) {
  Network network = draw(parse_network_toml("input = [4]\nlayer = [{type = 'batch-norm'}, "
                                            "{type = 'linear', out_features = 3}]",
                                            "test"),
                         1);
  Tape tape(network, {Statistics::running});
  forward(network, draw_inputs(network.graph(), 1, 2), tape);
  update_running_statistics(network, tape);
  EXPECT_TRUE(at::isfinite(named(network, "bn1.running_var").value).all().item<bool>());
}

TEST(Calibration, TakesEachBatchNormsOwnStatisticsFromAllBatches) {
  Network network = draw(normed(), 1);
  const at::Tensor x = draw_inputs(network.graph(), 12, 2);
  calibrate_statistics(network, x, 4);
  at::Tensor mean = at::zeros({3}, at::kDouble);
  at::Tensor variance = at::zeros({3}, at::kDouble);
  for (std::int64_t first = 0; first < 12; first += 4) {
    const auto [of_batch, variance_of_batch] = statistics_of(x.narrow(0, first, 4));
    mean += of_batch / 3;
    variance += variance_of_batch / 3;
  }
  EXPECT_LT(relative_error(named(network, "bn1.running_mean").value, mean), 1e-13);
  EXPECT_LT(relative_error(named(network, "bn1.running_var").value, variance), 1e-13);
  // The second norm is given what the first makes of the batch by the batch's own statistics.
  Tape tape(network, {Statistics::batch_constant});
  forward(network, x, tape);
  Network whole = draw(normed(), 1);
  calibrate_statistics(whole, x, 12);
  const auto [after, spread] = statistics_of(tape.nodes[3].inputs[0]);
  EXPECT_LT(relative_error(named(whole, "bn2.running_mean").value, after), 1e-13);
  EXPECT_LT(relative_error(named(whole, "bn2.running_var").value, spread), 1e-13);
}

TEST(Calibration, LeavesNetworksWithoutBatchNormAlone) {
  Network network = draw(small_network("lenet"), 1);
  EXPECT_FALSE(has_batch_norm(network.graph()));
  EXPECT_TRUE(has_batch_norm(small_network("separable")));
  const Network before = network.clone();
  calibrate_statistics(network, draw_inputs(network.graph(), 5, 2));
  EXPECT_TRUE(identical(network, before));
}

}  // namespace
}  // namespace ntt
