#include "cli/process/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace ntt {
namespace {

TEST(InterruptTest, GuardTurnsTheFirstSignalIntoAFlag) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const InterruptGuard guard;
    EXPECT_FALSE(interrupted());
    std::raise(signal);
    EXPECT_TRUE(interrupted());
  }
  const InterruptGuard guard;
  EXPECT_FALSE(interrupted());
}

TEST(InterruptTest, InnerGuardKeepsTheFlagAndTheHandler) {
  const InterruptGuard outer;
  {
    const InterruptGuard inner;
    std::raise(SIGINT);
  }
  EXPECT_TRUE(interrupted());
  {
    const InterruptGuard inner;
    EXPECT_TRUE(interrupted());
  }
}

TEST(InterruptTest, GuardPutsTheEarlierHandlerBack) {
  std::signal(SIGINT, SIG_IGN);
  {
    const InterruptGuard guard;
    std::raise(SIGINT);
  }
  EXPECT_EQ(std::signal(SIGINT, SIG_DFL), SIG_IGN);
}

TEST(InterruptDeathTest, SecondSignalKills) {
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        std::raise(SIGINT);
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptDeathTest, SignalAfterTheGuardKills) {
  EXPECT_EXIT(
      {
        { const InterruptGuard guard; }
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace ntt
