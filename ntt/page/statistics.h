#pragma once

#include <cstddef>
#include <vector>

namespace ntt {

/// A mean and how sure it is.
struct Estimate {
  std::size_t count = 0;
  double mean = 0;
  double half_width = 0;  ///< of the 95 % interval by Student's t; NaN for fewer than two values

  bool has_interval() const { return count > 1; }
};

/// The mean of at least one value, and its interval: mean ± t · s / √n, s the standard deviation over n - 1.
Estimate estimate(const std::vector<double>& values);

/// The t that a variable of Student's distribution exceeds in size once in twenty times.
double student_t_95(std::size_t degrees_of_freedom);

/// exp(entropy) of the values as shares of their sum: as many as there are if all are equal, 1 if one has it all.
/// Values below 0, which are eigenvalues' rounding errors, count as 0.
double effective_rank(const std::vector<double>& eigenvalues);

}  // namespace ntt
