#include "ntt/page/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace ntt {
namespace {

/// P(|T| < t) at t = √ν tan θ: the closed forms of Abramowitz and Stegun 26.7.3 and 26.7.4.
double probability_within(double theta, std::size_t degrees_of_freedom) {
  const double cosine = std::cos(theta);
  const bool odd = degrees_of_freedom % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = degrees_of_freedom == 1 ? 0 : term;
  for (std::size_t power = odd ? 3 : 2; power + 2 <= degrees_of_freedom; power += 2) {
    term *= cosine * cosine * static_cast<double>(power - 1) / static_cast<double>(power);
    sum += term;
  }
  return odd ? 2 / std::numbers::pi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
}

}  // namespace

double student_t_95(std::size_t degrees_of_freedom) {
  double low = 0;
  double high = std::numbers::pi / 2;
  constexpr int kBits = 60;
  for (int i = 0; i < kBits; ++i) {
    const double middle = (low + high) / 2;
    (probability_within(middle, degrees_of_freedom) < 0.95 ? low : high) = middle;
  }
  return std::sqrt(static_cast<double>(degrees_of_freedom)) * std::tan(low);
}

Estimate estimate(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  Estimate result;
  result.count = values.size();
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  result.half_width = std::numeric_limits<double>::quiet_NaN();
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) {
      squares += (value - result.mean) * (value - result.mean);
    }
    result.half_width = student_t_95(values.size() - 1) * std::sqrt(squares / (count - 1) / count);
  }
  return result;
}

double effective_rank(const std::vector<double>& eigenvalues) {
  double sum = 0;
  for (const double value : eigenvalues) {
    sum += std::max(value, 0.0);
  }
  double entropy = 0;
  for (const double value : eigenvalues) {
    if (value > 0) {
      entropy -= value / sum * std::log(value / sum);
    }
  }
  return std::exp(entropy);
}

}  // namespace ntt
