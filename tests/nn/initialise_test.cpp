#include "ntt/nn/initialise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ntt/models/zoo.h"
#include "ntt/nn/network.h"

namespace ntt {
namespace {

double mean_of(const at::Tensor& values) {
  return values.to(at::kDouble).mean().item<double>();
}
double mean_square(const at::Tensor& values) {
  return values.to(at::kDouble).square().mean().item<double>();
}

/// That the entries have mean 0 and this variance, to within five deviations of the two estimates.
void expect_normal(const at::Tensor& values, double variance) {
  const double count = static_cast<double>(values.numel());
  EXPECT_NEAR(mean_of(values), 0, 5 * std::sqrt(variance / count));
  EXPECT_NEAR(mean_square(values) / variance, 1, 5 * std::sqrt(2 / count));
  const double fourth = values.to(at::kDouble).pow(4).mean().item<double>() / (variance * variance);
  EXPECT_NEAR(fourth, 3, 5 * std::sqrt(96 / count)) << "normal, not uniform";
}

at::Tensor drawn(Role role, const Shape& shape, Initialisation initialisation = Initialisation::glorot,
                 const at::Tensor& before = at::zeros({})) {
  Parameter parameter;
  static_cast<ParameterSpec&>(parameter) = {"parameter", shape, role};
  parameter.assign(before.expand(shape).contiguous());
  RandomStream stream(3, "test-initialise");
  return draw_parameter(parameter, stream, initialisation);
}

TEST(Initialise, LinearWeightsHaveGlorotsVariance) {
  expect_normal(drawn(Role::weight, {3000, 50}), 2.0 / (50 + 3000));
  expect_normal(drawn(Role::bias, {3000}), 1e-4);
}

TEST(Initialise, ConvolutionsFansCountTheirReceptiveField) {
  expect_normal(drawn(Role::weight, {2000, 7, 3, 5}), 2.0 / ((7 + 2000) * 15));
  expect_normal(drawn(Role::weight, {2000, 7, 5}), 2.0 / ((7 + 2000) * 5));
}

TEST(Initialise, HesVarianceIsTwoOverTheFanOutAndPyTorchsInLinearLayers) {
  expect_normal(drawn(Role::weight, {300, 70, 3, 3}, Initialisation::he), 2.0 / (300 * 9));
  expect_normal(drawn(Role::weight, {300, 700}, Initialisation::he), 1.0 / (3 * 700));
  EXPECT_TRUE(at::equal(drawn(Role::bias, {50}, Initialisation::he), at::zeros({50})));
}

TEST(Initialise, NormalisationBeginsAsTheIdentity) {
  for (const Initialisation initialisation : {Initialisation::glorot, Initialisation::he}) {
    for (const Role role : {Role::scale, Role::variance}) {
      EXPECT_TRUE(at::equal(drawn(role, {4}, initialisation), at::ones({4})));
    }
    for (const Role role : {Role::shift, Role::mean}) {
      EXPECT_TRUE(at::equal(drawn(role, {4}, initialisation), at::zeros({4})));
    }
  }
  expect_normal(drawn(Role::shift, {50, 40}), 4e-4);  // positions
}

TEST(Initialise, AsGivenKeepsTheDeviationOfWeightsAndAllElse) {
  RandomStream stream(4, "test-initialise");
  const at::Tensor before = random_normal(stream, {200, 30}, 0.7, at::kFloat);
  const double deviation = before.to(at::kDouble).std(false).item<double>();
  const at::Tensor weight = drawn(Role::weight, {200, 30}, Initialisation::as_given, before);
  expect_normal(weight, deviation * deviation);
  EXPECT_FALSE(at::allclose(weight, before));
  for (const Role role : {Role::bias, Role::scale, Role::shift, Role::mean, Role::variance}) {
    EXPECT_TRUE(at::equal(drawn(role, {30}, Initialisation::as_given, before[0]), before[0]));
  }
}

TEST(Initialise, HasThePrecisionOfWhatWasThereAndIsOneDraw) {
  const at::Tensor wide = drawn(Role::weight, {4, 3}, Initialisation::glorot, at::zeros({}, at::kDouble));
  EXPECT_EQ(wide.scalar_type(), at::kDouble);
  EXPECT_TRUE(at::equal(wide.to(at::kFloat), drawn(Role::weight, {4, 3})));
}

TEST(Initialise, LeavesParametersReadyForUse) {
  const Network network = Network::random(zoo_model("lenet-300-100", {1, 28, 28}, 10), 1, "teacher", at::kDouble);
  for (const Parameter* parameter : network.parameters()) {
    EXPECT_EQ(parameter->value.scalar_type(), at::kDouble);
    EXPECT_EQ(parameter->value.sizes(), at::IntArrayRef(parameter->shape));
    EXPECT_TRUE(parameter->effective.is_set_to(parameter->value));
    EXPECT_EQ(parameter->pattern, nullptr);
  }
}

TEST(Initialise, OfANetworkGivesEachLayerItsOwn) {
  const Network network = Network::random(zoo_model("lenet-300-100", {1, 28, 28}, 10), 1);
  const auto& parameters = network.parameters();
  const double expected[] = {2.0 / (784 + 300), 1e-4, 2.0 / (300 + 100), 1e-4, 2.0 / (100 + 10), 1e-4};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    SCOPED_TRACE(parameters[i]->name);
    expect_normal(parameters[i]->value, expected[i]);
  }
  const at::Tensor first = parameters[0]->value.flatten().narrow(0, 0, 1000);
  const at::Tensor second = parameters[2]->value.flatten().narrow(0, 0, 1000);
  const double correlation = mean_of(first * second) / std::sqrt(mean_square(first) * mean_square(second));
  EXPECT_LT(std::abs(correlation), 5 / std::sqrt(1000.0));
}

TEST(Initialise, IsAFunctionOfSeedAndPurpose) {
  const Graph graph = zoo_model("lenet-300-100", {1, 28, 28}, 10);
  const auto first_weight = [&](std::uint64_t seed, const char* purpose) {
    return Network::random(graph, seed, purpose).parameters()[0]->value;
  };
  EXPECT_TRUE(at::equal(first_weight(1, "teacher"), first_weight(1, "teacher")));
  EXPECT_FALSE(at::equal(first_weight(1, "teacher"), first_weight(2, "teacher")));
  EXPECT_FALSE(at::equal(first_weight(1, "teacher"), first_weight(1, "other")));
}

}  // namespace
}  // namespace ntt
