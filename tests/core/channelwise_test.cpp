#include "ntt/core/channelwise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace ntt {
namespace {

/// Mean and biased variance by ATen in float64.
std::pair<at::Tensor, at::Tensor> reference(const at::Tensor& values) {
  const at::Tensor columns = values.to(at::kDouble).transpose(0, 1).reshape({values.size(1), -1});
  return {columns.mean(1), columns.var(1, false)};
}

double largest_error(const at::Tensor& found, const at::Tensor& right, const at::Tensor& scale) {
  return ((found.to(at::kDouble) - right).abs() / scale).max().item<double>();
}

/// Means to the size of the values, variances to their own.
void expect_close(const std::pair<at::Tensor, at::Tensor>& found, const std::pair<at::Tensor, at::Tensor>& right,
                  double bound) {
  EXPECT_LT(largest_error(found.first, right.first, right.first.abs() + right.second.sqrt()), bound);
  EXPECT_LT(largest_error(found.second, right.second, right.second), bound);
}

class ChannelMoments : public testing::TestWithParam<std::vector<std::int64_t>> {};

TEST_P(ChannelMoments, AreThoseOfLibtorchInDoublePrecision) {
  at::manual_seed(1);
  for (const double offset : {0.0, 300.0}) {
    const at::Tensor values = at::randn(GetParam(), at::kDouble) * 2 + offset;
    expect_close(channel_moments(values), reference(values), 1e-11);
    const at::Tensor rounded = values.to(at::kFloat);
    expect_close(channel_moments(rounded), reference(rounded), 2e-6);
    EXPECT_EQ(channel_moments(rounded).first.scalar_type(), at::kFloat);
  }
}

TEST_P(ChannelMoments, OfAConstantChannelAreItsValueAndExactlyNothing) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor values = at::full(GetParam(), 0.1, type);
    const auto [mean, variance] = channel_moments(values);
    EXPECT_TRUE(mean.equal(at::full({values.size(1)}, 0.1, type)));
    EXPECT_EQ(variance.abs().max().item<double>(), 0);
  }
}

// Whole rows of lanes, rows that end within one, rows shorter than one, rows of one position, volumes.
INSTANTIATE_TEST_SUITE_P(Shapes, ChannelMoments,
                         testing::Values(std::vector<std::int64_t>{64, 16, 32, 32},
                                         std::vector<std::int64_t>{5, 3, 9, 11}, std::vector<std::int64_t>{7, 4, 2, 2},
                                         std::vector<std::int64_t>{6, 5}, std::vector<std::int64_t>{3, 2, 4, 5, 6},
                                         std::vector<std::int64_t>{1, 2, 7, 7}));

}  // namespace
}  // namespace ntt
