#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#include "ntt/core/threads.h"

namespace ntt {

/// Keeps the first exception of several threads until they have met again: none may leave a parallel region.
class FirstFailure {
 public:
  /// Called by a thread in a catch clause.
  void keep() noexcept;
  /// Throws it, if there is one.
  void rethrow() const;

 private:
  std::atomic_flag taken_;
  std::exception_ptr failure_;
};

/// Calls body(begin, end, share) on equal, contiguous shares of 0..count-1, numbered from 0. The shares depend only on
/// count and threads(), so sums made a share at a time come out the same on every run. Where bodies throw, the others
/// still run, and the first exception is thrown in the end.
template <typename Body>
void parallel_for(std::int64_t count, Body&& body) {
  const auto workers = static_cast<int>(std::min<std::int64_t>(threads(), count));
  if (workers <= 1 || omp_in_parallel() != 0) {
    if (count > 0) {
      body(std::int64_t{0}, count, 0);
    }
    return;
  }
  FirstFailure failure;
#pragma omp parallel num_threads(workers)
  {
    // Where the system gives fewer threads than asked for, some take several shares.
    for (int share = omp_get_thread_num(); share < workers; share += omp_get_num_threads()) {
      try {
        body(count * share / workers, count * (share + 1) / workers, share);
      } catch (...) {
        failure.keep();
      }
    }
  }
  failure.rethrow();
}

/// As parallel_for, but on one thread when the work, in elementary operations, would not pay for waking others.
template <typename Body>
void parallel_for_work(std::int64_t count, std::int64_t work_each, Body&& body) {
  constexpr std::int64_t kWorthSharing = 1 << 15;
  if (count * work_each < kWorthSharing) {
    if (count > 0) {
      body(std::int64_t{0}, count, 0);
    }
    return;
  }
  parallel_for(count, body);
}

}  // namespace ntt
