#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

class ReportCommandTest : public CliTest {
 protected:
  void run_experiment(const std::string& methods) const {
    write(folder_ / "e.toml",
          fmt::format("[grid]\ndata = 'small'\nmodel = 'small.toml'\nmethod = {}\ndensity = 0.5\n"
                      "[find]\nsteps = 20\nsamples = 64\nheld-out = 0.1\n[train]\nsteps = 20\nbatch-size = 16\n"
                      "evaluate-interval = 10\n",
                      methods));
    EXPECT_THAT(run({"experiment", "run", "e.toml", "--out", "e"}).err, HasSubstr("ntt report e draws it"));
  }
};

TEST_F(ReportCommandTest, DrawsAnExperiment) {
  run_experiment("['dense', 'random', 'ntt-sketch']");
  const nlohmann::json report = run_json({"report", "e"});
  EXPECT_EQ(report.at("page"), "e/report/index.html");
  EXPECT_EQ(report.at("finished"), 6);
  EXPECT_THAT(report.at("figures").get<Words>(),
              IsSupersetOf({"accuracy-small-small-layer", "cost-small-small-layer", "convergence-small-small-layer-0.5",
                            "search-kernel-distance-small-small-layer", "mask-pixels-small-small-layer"}));
  EXPECT_THAT(read(folder_ / "e/report/index.html"), StartsWith("<!DOCTYPE html>"));
}

TEST_F(ReportCommandTest, DrawsAnExperimentOfWhichAJobFailed) {
  run_experiment("['random', 'snap']");
  EXPECT_THAT(run_well({"report", "e", "--out", "page"}).out, HasSubstr("2 of 4 finished"));
  EXPECT_THAT(read(folder_ / "page/index.html"),
              AllOf(HasSubstr("find/small-small-snap-0.5-layer-1"), HasSubstr("2 failed")));
}

TEST_F(ReportCommandTest, DrawsRunFolders) {
  run_well(transfer("runs/ntt"));
  run_well(train("runs/ntt-trained", {"--init", "runs/ntt"}));
  run_well(train("runs/dense", dense()));
  const nlohmann::json all = run_json({"report", "runs"});
  EXPECT_THAT(all.at("figures").get<Words>(), IsSupersetOf({"accuracy-small-small-layer"}));
  EXPECT_THAT(read(folder_ / "runs/report/accuracy-small-small-layer.csv"),
              AllOf(HasSubstr("\ndense,"), HasSubstr("\nntt-sketch,0.5,")));
  EXPECT_THAT(run_json({"report", "runs/ntt"}).at("figures").get<Words>(),
              IsSupersetOf({"search-target-distance-small-small-layer"}));
}

TEST_F(ReportCommandTest, WhatCannotBeDrawnIsNamed) {
  const Outcome nothing = run({"report", "small"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("small holds nothing to report"));
  EXPECT_EQ(run({"report", "none"}).code, 2);
  run_well(train("run", dense()));
  const Outcome without = run({"report", "run"}, {{"PATH", "/nowhere"}});
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, HasSubstr("apt-get install gnuplot-nox"));
}

}  // namespace
}  // namespace ntt
