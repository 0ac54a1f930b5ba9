#pragma once

#include <chrono>

namespace ntt {

/// Runs from its construction on, by a clock that nobody sets. Assigning a new one starts it again.
class Stopwatch {
 public:
  /// Seconds since then.
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point start_ = Clock::now();
};

}  // namespace ntt
