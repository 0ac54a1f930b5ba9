#pragma once

namespace ntt {

/// While it lives, the first SIGINT or SIGTERM only sets interrupted(), and the next one kills the program at once.
/// Guards may nest: the outermost counts.
class InterruptGuard {
 public:
  InterruptGuard();
  /// Puts the earlier handlers back.
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// Whether SIGINT or SIGTERM came since the outermost living guard was made; a long loop asks this at each step, saves
/// its state and throws Interrupted.
bool interrupted();

}  // namespace ntt
