#include "cli/process/terminal_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>
#include <string>

namespace ntt {
namespace {

using testing::HasSubstr;

class TerminalObserverTest : public testing::Test {
 protected:
  ProgressOutput output() {
    return {&stream_, false, [] { return 80; }, [this] { return now_; }};
  }

  std::ostringstream stream_;
  double now_ = 0;
};

TEST_F(TerminalObserverTest, ShowsOneJobAfterTheOther) {
  TerminalObserver observer(output());
  for (const char* job : {"transfer", "train"}) {
    observer.progress({job, "step", 0, 10, "", false});
    now_ += 5;
    observer.progress({job, "step", 10, 10, "loss 1", false});
    observer.progress({job, "step", 10, 10, "loss 1", true});
  }
  EXPECT_THAT(stream_.str(), HasSubstr("transfer finished: 10 steps in 0:05 · loss 1"));
  EXPECT_THAT(stream_.str(), HasSubstr("train finished: 10 steps in 0:05 · loss 1"));
}

TEST_F(TerminalObserverTest, ASignalAsksTheJobToStop) {
  TerminalObserver observer(output());
  EXPECT_FALSE(observer.stop_requested());
  std::raise(SIGINT);
  EXPECT_TRUE(observer.stop_requested());
}

}  // namespace
}  // namespace ntt
