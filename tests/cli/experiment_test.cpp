#include <chrono>
#include <csignal>
#include <thread>

#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ExperimentTest : public CliTest {
 protected:
  /// A file whose jobs are small; `method` is TOML.
  void write_experiment(const std::string& method, int steps, double checkpoint_seconds = 10) const {
    write(folder_ / "e.toml",
          fmt::format("[grid]\ndata = 'small'\nmodel = 'small.toml'\nmethod = {}\ndensity = 0.5\nseed = [1, 2]\n"
                      "[find]\nsamples = 64\n[train]\nsteps = {}\nbatch-size = 16\nevaluate-interval = 1000\n"
                      "checkpoint-seconds = {}\n",
                      method, steps, checkpoint_seconds));
  }
  static Words experiment() { return {"experiment", "run", "e.toml", "--out", "e", "--processes", "2"}; }
  nlohmann::json status() const { return run_json({"experiment", "status", "e"}); }
};

TEST_F(ExperimentTest, RunsTheGridOnceAndShowsWhatItFound) {
  write_experiment("['random', 'snip']", 20);
  const Outcome first = run_well(experiment());
  EXPECT_THAT(first.out,
              AllOf(HasSubstr("small"), HasSubstr("snip"), HasSubstr("8 of 8 jobs done"), HasSubstr("% (2)")));
  EXPECT_THAT(first.err, HasSubstr("8 of 8: "));
  EXPECT_EQ(status().at("done"), 8);
  const Outcome again = run_well(experiment());
  EXPECT_EQ(again.out, first.out);
  EXPECT_THAT(again.err, ::testing::Not(HasSubstr("8 of 8: ")));
}

TEST_F(ExperimentTest, VariantsAreRowsOfTheirOwnWithWhatTheyReachedOnHeldOutInputs) {
  write(folder_ / "e.toml",
        "[grid]\ndata = 'small'\nmodel = 'small.toml'\nmethod = ['random', 'ntt-sketch']\ndensity = 0.5\n"
        "[find]\nsteps = 5\nheld-out = 0.1\nclasses = [1, 0]\n[train]\nsteps = 20\nclasses = [1, 0]\n"
        "[[variant]]\nname = 'cubic'\nfind = {density-schedule = 'cubic', mask-interval = 1}\n"
        "[[variant]]\nname = 'active'\nfind = {parameters = 'active'}\n");
  const std::string table = run_well(experiment()).out;
  EXPECT_THAT(table, AllOf(HasSubstr("6 of 6 jobs done"), HasSubstr("validation"), HasSubstr("ntt-sketch, cubic"),
                           HasSubstr("ntt-sketch, active"), HasSubstr("random")));
  EXPECT_EQ(result_of("e/find/small-small-ntt-sketch-0.5-layer-1-cubic").at("options").at("density-schedule"), "cubic");
  const double share = result_of("e/train/small-small-ntt-sketch-0.5-layer-1-active")
                           .at("figures")
                           .at("validation_accuracy")
                           .get<double>();
  EXPECT_THAT(table, HasSubstr(fmt::format("{:.2f} %", 100 * share)));
}

TEST_F(ExperimentTest, NetworksTrainedElsewhereAreRowsOfTheirOwn) {
  std::filesystem::copy(folder_ / "small", folder_ / "other", std::filesystem::copy_options::recursive);
  write(folder_ / "e.toml",
        "[grid]\ndata = 'small'\ntrain-data = ['small', 'other']\nmodel = 'small.toml'\nmethod = 'random'\n"
        "density = 0.5\n[train]\nsteps = 20\n");
  const std::string table = run_well(experiment()).out;
  EXPECT_THAT(table, ::testing::ContainsRegex("trained on +found on +model"));
  EXPECT_THAT(table, ::testing::ContainsRegex("other +small +small +0.5 +layer +random +1 of 1 "));
  EXPECT_THAT(table, ::testing::ContainsRegex("small +small +small +0.5 +layer +random +2 of 2 "));
}

TEST_F(ExperimentTest, KilledItGoesOnAndEndsInTheSameNetworks) {
  constexpr int kSteps = 2000;
  write_experiment("'random'", kSteps);
  run_well({"experiment", "run", "e.toml", "--out", "whole"});
  write_experiment("'random'", kSteps, 0);  // so slow on any machine that no busy one misses its middle
  {
    Program program(folder_, experiment());
    const auto checkpoint = folder_ / "e" / "train" / "small-small-random-0.5-layer-1" / kCheckpointFile;
    while (program.running() && !std::filesystem::exists(checkpoint)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    program.send(SIGKILL);
    program.wait();
  }
  EXPECT_LT(status().at("done"), 4);
  run_well(experiment());
  EXPECT_EQ(status().at("done"), 4);
  for (const int seed : {1, 2}) {
    const auto weights = [&](const std::string& experiment) {
      const std::string run = fmt::format("{}/train/small-small-random-0.5-layer-{}", experiment, seed);
      return read_safetensors(folder_ / run / kNetworkFile).at("fc1.weight");
    };
    EXPECT_TRUE(at::equal(weights("e"), weights("whole"))) << seed;
  }
}

TEST_F(ExperimentTest, TwoProcessesShareItsJobs) {
  write_experiment("['random', 'snip', 'synflow']", 20);
  const std::vector<Outcome> both = run_all({experiment(), experiment()});
  EXPECT_EQ(both[0].code, 0) << both[0].err;
  EXPECT_EQ(both[1].code, 0) << both[1].err;
  EXPECT_EQ(status().at("done"), 12);
}

TEST_F(ExperimentTest, AFailingJobIsNamedAndTheRestIsDone) {
  write_experiment("['random', 'snap']", 20);
  const Outcome outcome = run(experiment());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("4 of 8 jobs done"), HasSubstr("failed: find/small-small-snap-0.5-layer-1")));
  EXPECT_THAT(outcome.err, HasSubstr("4 jobs failed"));
}

TEST_F(ExperimentTest, WhatIsNoExperimentIsNamed) {
  EXPECT_THAT(run({"experiment", "status", "small"}).err, HasSubstr("small holds no experiment"));
  EXPECT_THAT(run({"experiment", "run", "none.toml"}).err, HasSubstr("none.toml"));
}

}  // namespace
}  // namespace ntt
