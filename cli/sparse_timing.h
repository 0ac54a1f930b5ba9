#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cli/sparse_cases.h"

namespace ntt {

/// Milliseconds of one call: the median, and of how many.
struct CallTime {
  double ms = 0;
  std::int64_t calls = 0;
};

/// Times calls of each work for about `seconds`, in rounds of all of them, so that a disturbance meets all alike.
/// Interrupted where the user stops it.
std::vector<CallTime> time_in_turn(const std::vector<std::function<void()>>& works, double seconds);

/// One case at several densities and one batch size.
struct SparseTimes {
  CallTime dense;
  std::vector<CallTime> sparse;  ///< a density
};

/// Times a case: the answers and the training steps of one dense network and of sparse ones, each with random weights,
/// masks and inputs.
class SparseTimer {
 public:
  SparseTimer(const SparseCase& timed, const std::vector<double>& densities, std::uint64_t seed);
  ~SparseTimer();
  SparseTimer(const SparseTimer&) = delete;
  SparseTimer& operator=(const SparseTimer&) = delete;

  SparseTimes inference(std::int64_t batch_size, double seconds) const;
  SparseTimes training(std::int64_t batch_size, double seconds);

  /// In memory, as answers are computed with them.
  std::int64_t sparse_weight_bytes(std::size_t density) const;
  std::int64_t dense_weight_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ntt
