#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>

#include "ntt/core/random.h"
#include "ntt/core/threads.h"

namespace ntt {

/// Standard-normal entries, a function of shape and seed.
inline at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType dtype = at::kDouble) {
  RandomStream stream(seed, "test-numerics");
  return random_normal(stream, shape, 1.0, dtype);
}

/// max |actual - expected| / max(1, max |expected|) in double; infinity where shapes differ or a value is not finite.
inline double error_of(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) {
    return std::numeric_limits<double>::infinity();
  }
  if (actual.numel() == 0) {
    return 0;
  }
  const at::Tensor difference = (actual.to(at::kDouble) - expected.to(at::kDouble)).abs();
  if (!at::isfinite(difference).all().item<bool>()) {
    return std::numeric_limits<double>::infinity();
  }
  return difference.max().item<double>() / std::max(1.0, expected.to(at::kDouble).abs().max().item<double>());
}

/// What rounding alone explains in sums of a few hundred terms.
inline double tolerance(at::ScalarType dtype) {
  return dtype == at::kFloat ? 3e-5 : 1e-12;
}

/// Sets the number of threads for as long as it lives.
class ThreadsGuard {
 public:
  explicit ThreadsGuard(int count) : before_(threads()) { set_threads(count); }
  ~ThreadsGuard() { set_threads(before_); }
  ThreadsGuard(const ThreadsGuard&) = delete;
  ThreadsGuard& operator=(const ThreadsGuard&) = delete;

 private:
  int before_;
};

}  // namespace ntt
