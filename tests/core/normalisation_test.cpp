#include "ntt/core/normalisation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "ntt/core/error.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing was refused";
}

const Normalisation kBytes{{0.5, 0.25}, {0.1, 0.5}, true};
const Normalisation kFloats{{10, -2}, {4, 0.5}, false};

TEST(Normalisation, DividesBytesAndThenStandardisesEachChannel) {
  const at::Tensor raw = at::tensor({0, 51, 255, 102}, at::kByte).view({1, 2, 1, 2});
  const at::Tensor expected = at::tensor({-5.0F, -3.0F, 1.5F, 0.3F}).view({1, 2, 1, 2});
  EXPECT_TRUE(at::allclose(standardise(raw, kBytes), expected, 1e-5, 1e-6));
  EXPECT_EQ(standardise(raw, kBytes).scalar_type(), at::kFloat);
}

TEST(Normalisation, TakesFloatsAsTheyAre) {
  const at::Tensor raw = at::tensor({12.0, 8.0, -2.0, 0.0}, at::kDouble).view({2, 2});
  const at::Tensor expected = at::tensor({0.5F, 20.0F, -3.0F, 4.0F}).view({2, 2});
  EXPECT_TRUE(at::equal(standardise(raw, kFloats), expected));
  const at::Tensor divided = at::tensor({0.0F, 0.2F, 1.0F, 0.4F}).view({1, 2, 1, 2});
  const at::Tensor bytes = at::tensor({0, 51, 255, 102}, at::kByte).view({1, 2, 1, 2});
  EXPECT_TRUE(at::allclose(standardise(divided, kBytes), standardise(bytes, kBytes), 1e-5, 1e-6));
}

TEST(Normalisation, RefusesInputsThatItIsNotFor) {
  const auto on = [](const at::Tensor& inputs, const Normalisation& normalisation) {
    return refusal([&] { standardise(inputs, normalisation); });
  };
  EXPECT_THAT(on(at::zeros({1, 2}, at::kByte), kFloats), HasSubstr("are uint8, but"));
  EXPECT_THAT(on(at::zeros({1, 2}, at::kInt), kBytes), HasSubstr("Int, but must be uint8, float32 or float64"));
  EXPECT_THAT(on(at::zeros({1, 3, 4, 4}), kBytes), HasSubstr("[1, 3, 4, 4], but"));
  EXPECT_THAT(on(at::zeros({2}), kBytes), HasSubstr("[N, 2, ...]"));
}

TEST(Normalisation, ChecksWhatItIsMadeOf) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto check = [](const Normalisation& normalisation) {
    return refusal([&] { check_normalisation(normalisation, 2, "net.safetensors"); });
  };
  EXPECT_EQ(check(kBytes), "nothing was refused");
  EXPECT_THAT(check({{0.5}, {1, 1}, true}),
              StartsWith("net.safetensors: inputs have 2 channels, but there are 1 means"));
  EXPECT_THAT(check({{0.5, 0.5}, {1, 1, 1}, true}), HasSubstr("3 standard deviations"));
  EXPECT_THAT(check({{0.5, nan}, {1, 1}, true}), HasSubstr("a mean is not finite"));
  for (const double deviation : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(check({{0.5, 0.5}, {1, deviation}, true}), HasSubstr("not a finite number above 0")) << deviation;
  }
}

}  // namespace
}  // namespace ntt
