#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdio.h>
#include <stdlib.h>

#include "ntt/page/report.h"
#include "tests/page/experiment.h"

namespace ntt {
namespace {

/// What a shell command printed, and its exit status.
std::pair<std::string, int> run_shell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    text += static_cast<char>(c);
  }
  const int status = pclose(pipe);
  return {text, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

class BrowserTest : public ExperimentFolderTest {
 protected:
  static inline const std::vector<std::string> kMethods = {
      "random",  "random-rescaled", "magnitude", "snip",      "snip, shuffle-with-weights", "logit-snip", "grasp",
      "synflow", "ntk-sap",         "ntt-exact", "ntt-sketch"};

  /// Two seeds of everything that a page can show.
  void add_everything() {
    for (const std::int64_t seed : {1, 2}) {
      add_run("dense", 1, seed, 0.97);
      double accuracy = 0.9 - 0.02 * static_cast<double>(seed);
      for (const double density : {0.5, 0.25, 0.125}) {
        for (const std::string& method : kMethods) {
          add_run(method, density, seed, accuracy -= 0.01);
        }
      }
    }
    const Job failed = job("find", "a <method> that fails", 0.25, 1);
    store().add({failed});
    store().fail(failed.name, 1, fmt::format("a long sentence {:x>300} & <more>", ""));
  }

  /// Opens the page of all that has been added and looks at every figure.
  void look(std::size_t figures) const {
    const ReportResult report = write_report(folder_, folder_ / "report");
    EXPECT_EQ(report.figures.size(), figures) << fmt::format("{}", fmt::join(report.figures, "\n"));
    const auto [text, status] = run_shell(fmt::format("python3 {}/tests/page/browser_test.py {} {}", NTT_SOURCE_DIR,
                                                      report.page.string(), fmt::join(report.figures, " ")));
    EXPECT_EQ(status, 0) << text;
  }

  static bool can_look() { return run_shell("command -v chromium && command -v python3").second == 0; }

  void add_run(const std::string& method, double density, std::int64_t seed, double accuracy) {
    add_found(method, density, seed);
    add_trained(method, density, seed, accuracy);
    write_safetensors(folder_of(job("train", method, density, seed)) / "track.safetensors",
                      track(1 + accuracy + static_cast<double>(seed)));
  }
};

TEST_F(BrowserTest, ThePageIsReadableOnAPhoneAndOnADeskInLightAndDark) {
  if (!can_look()) {
    GTEST_SKIP() << "chromium or python3 is not installed";
  }
  add_everything();
  look(26);
}

TEST_F(BrowserTest, LongNumbersOfAnAxisStayClearOfItsLabel) {
  if (!can_look()) {
    GTEST_SKIP() << "chromium or python3 is not installed";
  }
  add_run("dense", 1, 1, 0.9989);  // the axis goes in steps of 0.05 %
  add_run("random", 0.25, 1, 0.9951);
  look(12);
}

}  // namespace
}  // namespace ntt
