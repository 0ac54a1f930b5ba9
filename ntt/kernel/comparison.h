#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ntt/core/api.h"

namespace ntt {

/// How far one kernel is from another, summed in float64 over blocks of them, so that neither need be in memory whole.
class NTT_API KernelComparison {
 public:
  /// Counts a block of the kernel and the same block of the reference, of one shape.
  void add(const at::Tensor& kernel, const at::Tensor& reference);

  /// mean((K - R)²) over all entries so far.
  [[nodiscard]] double distance() const { return difference_squares_ / static_cast<double>(entries_); }
  /// The cosine ⟨K, R⟩ / (‖K‖ ‖R‖).
  [[nodiscard]] double alignment() const;

 private:
  std::int64_t entries_ = 0;
  double squares_ = 0;
  double reference_squares_ = 0;
  double products_ = 0;
  double difference_squares_ = 0;
};

}  // namespace ntt
