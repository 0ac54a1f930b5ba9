#include "cli/process/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "ntt/core/display_width.h"

namespace ntt {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A stream and a clock that the test moves by hand.
class ProgressTest : public testing::Test {
 protected:
  ProgressOutput output(bool terminal) {
    return {&stream_, terminal, [this] { return width_; }, [this] { return now_; }};
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream text(stream_.str());
    for (std::string line; std::getline(text, line);) {
      lines.push_back(line);
    }
    return lines;
  }

  std::ostringstream stream_;
  double now_ = 1000;
  int width_ = 100;
};

TEST(FormatProgressLineTest, PlainLine) {
  EXPECT_EQ(format_progress_line({"transfer", "step", 430, 1000, 81.25, "kernel 812 target 0.31"}, 0),
            "transfer  43 % 430/1000 steps, 81.2/s, 0:08 left · kernel 812 target 0.31");
  EXPECT_EQ(format_progress_line({"read", "file", 3, 0, 0, ""}, 0), "read 3 files");
  EXPECT_EQ(format_progress_line({"train", "epoch", 1, 3, 0.01, ""}, 0),
            "train  33 % 1/3 epochs, 100.0 s a epoch, 3:20 left");
}

TEST(FormatProgressLineTest, HundredPercentOnlyWhenDone) {
  EXPECT_THAT(format_progress_line({"t", "step", 9999, 10000, 1, ""}, 0), StartsWith("t  99 %"));
  EXPECT_THAT(format_progress_line({"t", "step", 10000, 10000, 1, ""}, 0), StartsWith("t 100 %"));
  EXPECT_THAT(format_progress_line({"t", "step", 12, 10, 1, ""}, 0), StartsWith("t 100 %"));
}

TEST(FormatProgressLineTest, LongTimesHaveHours) {
  EXPECT_THAT(format_progress_line({"t", "step", 0, 3723, 1, ""}, 0), EndsWith("1:02:03 left"));
}

TEST(FormatProgressLineTest, BarFillsInProportion) {
  EXPECT_EQ(format_progress_line({"t", "step", 5, 10, 0, ""}, 200),
            "t  50 % [###############---------------] 5/10 steps");
}

TEST(FormatProgressLineTest, FitsEveryWidth) {
  const ProgressView view{"transfer", "step", 430, 1000, 81.25, "kernel 812 ± 3"};
  bool bar_seen = false;
  for (int width = 1; width < 150; ++width) {
    const std::string line = format_progress_line(view, width);
    EXPECT_LE(display_width(line), static_cast<std::size_t>(width));
    const bool bar = line.find('[') != std::string::npos;
    EXPECT_TRUE(bar || !bar_seen) << "the bar came and went again at width " << width;
    EXPECT_TRUE(!bar || line.ends_with("± 3")) << line;
    bar_seen = bar;
  }
  EXPECT_TRUE(bar_seen);
}

TEST(FormatProgressLineTest, CountMakesRoomForTheBar) {
  const ProgressView view{"transfer", "step", 430, 1000, 81.25, "kernel 812"};
  EXPECT_EQ(format_progress_line(view, 56), "transfer  43 % [###-----] 81.2/s, 0:08 left · kernel 812");
  EXPECT_EQ(format_progress_line(view, 28), "transfer  43 % 430/1000 step");
}

TEST_F(ProgressTest, ShortJobShowsNothing) {
  for (const bool terminal : {false, true}) {
    Progress progress("transfer", 100, "step", output(terminal));
    for (int step = 0; step <= 100; ++step) {
      progress.update(step);
      now_ += 0.019;
    }
    progress.finish();
  }
  EXPECT_EQ(stream_.str(), "");
}

TEST_F(ProgressTest, PlainLinesComeAtWideningIntervals) {
  Progress progress("transfer", 1000, "step", output(false));
  std::vector<double> times;
  std::size_t seen = 0;
  for (int second = 0; second < 1000; ++second) {
    progress.update(second);
    if (const std::size_t now_seen = lines().size(); now_seen != seen) {
      seen = now_seen;
      times.push_back(second);
    }
    now_ += 1;
  }
  ASSERT_GE(times.size(), 6);
  EXPECT_EQ(times[0], 2);
  EXPECT_EQ(times[1], 12);
  for (std::size_t i = 2; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], times[i - 1] - times[i - 2]);
  }
  EXPECT_LE(times.size(), 14);
  EXPECT_THAT(stream_.str(), Not(HasSubstr("\r")));
}

TEST_F(ProgressTest, PlainOutputEndsWithTheWhole) {
  Progress progress("transfer", 10, "step", output(false));
  progress.update(0);
  now_ += 65;
  progress.update(10, "kernel 5");
  progress.finish();
  progress.finish();
  EXPECT_THAT(lines(), ElementsAre("transfer 100 % 10/10 steps, 6.5 s a step · kernel 5",
                                   "transfer finished: 10 steps in 1:05 · kernel 5"));
}

TEST_F(ProgressTest, ResumedJobCountsOnlyItsOwnSteps) {
  Progress progress("transfer", 1000, "step", output(false));
  progress.update(900);
  now_ += 10;
  progress.update(950);
  EXPECT_THAT(lines(), ElementsAre("transfer  95 % 950/1000 steps, 5.0/s, 0:10 left"));
}

TEST_F(ProgressTest, TerminalIsRedrawnAtMostTenTimesASecond) {
  Progress progress("transfer", 100000, "step", output(true));
  for (int step = 0; step < 5000; ++step) {  // five seconds, three of them visible
    progress.update(step);
    now_ += 0.001;
  }
  const std::string text = stream_.str();
  const auto draws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(draws, 25);
  EXPECT_LE(draws, 31);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  progress.finish();
  EXPECT_THAT(stream_.str(), EndsWith("\n"));
}

TEST_F(ProgressTest, AbandonedBarEndsItsLine) {
  {
    Progress progress("transfer", 100, "step", output(true));
    now_ += 3;
    progress.update(1);
    EXPECT_THAT(stream_.str(), Not(HasSubstr("\n")));
  }
  EXPECT_THAT(stream_.str(), EndsWith("\n"));
}

}  // namespace
}  // namespace ntt
