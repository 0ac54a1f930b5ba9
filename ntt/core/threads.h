#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace ntt {

/// Sets the number of threads of every parallel part: ours, ATen's and oneDNN's. count >= 1.
void set_threads(int count);
/// The number of threads that parallel parts use; until set_threads, OpenMP's own choice.
int threads();

/// Keeps freed memory in the process. Without it the tensors of each step, megabytes each, are mapped and unmapped by
/// the kernel, and touching fresh pages costs more than the arithmetic on them.
void keep_freed_memory();
/// Returns what is kept so far to the system, as after a part of a run that took far more than the rest will.
void return_freed_memory();

/// Calls body(begin, end, share) on equal, contiguous shares of 0..count-1, numbered from 0. The shares depend on count
/// and threads() alone, so sums made a share at a time come out the same on every run. The body must not throw.
template <typename Body>
void parallel_for(std::int64_t count, Body&& body) {
  const auto workers = static_cast<int>(std::min<std::int64_t>(threads(), count));
  if (workers <= 1 || omp_in_parallel() != 0) {
    if (count > 0) {
      body(std::int64_t{0}, count, 0);
    }
    return;
  }
#pragma omp parallel num_threads(workers)
  {
    // Where the system gives fewer threads than asked for, some take several shares.
    for (int share = omp_get_thread_num(); share < workers; share += omp_get_num_threads()) {
      body(count * share / workers, count * (share + 1) / workers, share);
    }
  }
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
