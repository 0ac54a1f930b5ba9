#include "ntt/nn/initialise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

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

struct Drawn {
  Parameter weight;
  Parameter bias;
};

Drawn drawn(const Shape& shape, at::ScalarType dtype = at::kFloat) {
  Drawn result;
  result.weight.shape = shape;
  result.bias.shape = {shape[0]};
  RandomStream stream(3, "test-initialise");
  initialise_glorot(result.weight, result.bias, stream, dtype);
  return result;
}

TEST(Initialise, LinearWeightsHaveGlorotsVariance) {
  const Drawn parameters = drawn({3000, 50});
  expect_normal(parameters.weight.value, 2.0 / (50 + 3000));
  expect_normal(parameters.bias.value, 1e-4);
}

TEST(Initialise, ConvolutionsFansCountTheirReceptiveField) {
  const Drawn parameters = drawn({2000, 7, 3, 5});
  expect_normal(parameters.weight.value, 2.0 / ((7 + 2000) * 15));
  expect_normal(parameters.bias.value, 1e-4);
}

TEST(Initialise, LeavesParametersReadyForUse) {
  const Drawn parameters = drawn({4, 3}, at::kDouble);
  EXPECT_EQ(parameters.weight.value.scalar_type(), at::kDouble);
  EXPECT_EQ(parameters.weight.value.sizes(), (at::IntArrayRef{4, 3}));
  EXPECT_TRUE(parameters.weight.effective.is_set_to(parameters.weight.value));
  EXPECT_FALSE(parameters.weight.mask.defined());
  EXPECT_TRUE(at::equal(parameters.weight.gradient, at::zeros({4, 3}, at::kDouble)));
}

TEST(Initialise, IsOneDrawWhateverThePrecision) {
  EXPECT_TRUE(at::equal(drawn({4, 3}, at::kDouble).weight.value.to(at::kFloat), drawn({4, 3}).weight.value));
}

TEST(Initialise, OfANetworkGivesEachLayerItsOwn) {
  const Network network = Network::random(find_model("lenet-300-100", {1, 28, 28}, 10), 1);
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
  const NetworkSpec spec = find_model("lenet-300-100", {1, 28, 28}, 10);
  const auto first_weight = [&](std::uint64_t seed, const char* purpose) {
    return Network::random(spec, seed, purpose).parameters()[0]->value;
  };
  EXPECT_TRUE(at::equal(first_weight(1, "teacher"), first_weight(1, "teacher")));
  EXPECT_FALSE(at::equal(first_weight(1, "teacher"), first_weight(2, "teacher")));
  EXPECT_FALSE(at::equal(first_weight(1, "teacher"), first_weight(1, "other")));
}

}  // namespace
}  // namespace ntt
