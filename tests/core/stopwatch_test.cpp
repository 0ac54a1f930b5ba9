#include "ntt/core/stopwatch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace ntt {
namespace {

constexpr double kPause = 0.02;

void pause() {
  std::this_thread::sleep_for(std::chrono::duration<double>(kPause));
}

TEST(Stopwatch, ReadsTheSecondsSinceItsConstruction) {
  const auto before = std::chrono::steady_clock::now();
  const Stopwatch watch;
  pause();
  const double seconds = watch.seconds();
  const double at_most = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  EXPECT_GE(seconds, kPause);
  EXPECT_LE(seconds, at_most);
}

TEST(Stopwatch, StartsAgainWhenAssigned) {
  const Stopwatch whole;
  Stopwatch lap;
  pause();
  lap = Stopwatch();
  const double since = lap.seconds();
  EXPECT_LE(since + kPause, whole.seconds());
}

}  // namespace
}  // namespace ntt
