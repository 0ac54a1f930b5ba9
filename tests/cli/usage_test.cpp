#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

/// A command that must be refused, and what its one sentence must say.
struct Refused {
  Words words;
  std::string says;
  int code = 2;
};

class UsageTest : public CliTest {
 protected:
  /// Runs them all: nothing on stdout, one sentence on stderr behind what was logged, no file made or changed in name.
  void expect_refused(const std::vector<Refused>& cases) const {
    const std::set<std::string> before = everything();
    std::vector<Words> commands;
    for (const Refused& refused : cases) {
      commands.push_back(refused.words);
    }
    const std::vector<Outcome> outcomes = run_all(commands);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::string shown = fmt::format("ntt {}", fmt::join(cases[i].words, " "));
      const std::string& err = outcomes[i].err;
      const std::size_t start = err.find("error: ");
      EXPECT_EQ(outcomes[i].code, cases[i].code) << shown << "\n" << err;
      EXPECT_EQ(outcomes[i].out, "") << shown;
      ASSERT_NE(start, std::string::npos) << shown << "\n" << err;
      EXPECT_EQ(err.find('\n', start) + 1, err.size()) << shown << "\nsays more than a sentence: " << err;
      EXPECT_NE(err.find(cases[i].says, start), std::string::npos) << shown << "\n" << err;
    }
    EXPECT_EQ(everything(), before);
  }
};

TEST_F(UsageTest, UnknownWordsAreNamedWithTheNearestKnownOne) {
  expect_refused({{{}, "ntt needs a command: transfer, prune, ablate, train"},
                  {{"tranfer"}, "ntt has no command 'tranfer'; did you mean transfer?"},
                  {{"data"}, "ntt data needs a command: list"},
                  {{"data", "fetsh"}, "did you mean fetch?"},
                  {{"train", "--epoch=3"}, "ntt train has no option --epoch; did you mean --epochs?"},
                  {{"evaluate", "runs/ntt"}, "ntt evaluate takes no argument 'runs/ntt'"}});
}

TEST_F(UsageTest, ValuesThatCannotBeAreNamed) {
  expect_refused({{{"train", "--method", "dense"}, "--out is required"},
                  {{"train", "--seed", "1", "--seed", "2", "--out", "run"}, "--seed is given more than once"},
                  {transfer("run", {"--density", "2"}), "--density: Value 2 not in range"},
                  {transfer("run", {"--density", "abc"}), "--density: Value abc"},
                  {transfer("run", {"--steps", "-1"}), "--steps"},
                  {transfer("run", {"--learning-rate", "0"}), "--learning-rate"},
                  {transfer("run", {"--kernel", "precise"}), "precise not in {exact,sketch}"},
                  {transfer("run", {"--seed", "-1"}), "--seed"},
                  {transfer("run", {"--device", "gpu"}), "must be cpu, cuda or cuda:N"}});
}

TEST_F(UsageTest, TrainSaysWhatItStartsFrom) {
  expect_refused({{train("run", {}), "either --init DIR|FILE"},
                  {train("run", with(dense(), {"--init", "x"})), "either --init DIR|FILE"},
                  {train("run", {"--init", "x", "--density", "0.1"}), "leave them out"},
                  {train("run", {"--method", "dense"}), "needs --model"},
                  {train("run", with(dense(), {"--density", "0.1"})), "--method dense keeps every weight"},
                  {train("run", {"--method", "random", "--model", "small.toml"}), "needs --density"}});
}

TEST_F(UsageTest, WhatDoesNotFitTheDataLeavesNoRunFolder) {
  std::filesystem::create_directory(folder_ / "mine");  // a folder from before stays
  expect_refused({{transfer("a", {"--batch-size", "601"}), "batch size 601"},
                  {transfer("b", {"--held-out", "0.001"}), "held-out share 0.001"},
                  {transfer("c", {"--kernel", "sketch", "--probes", "3"}), "the sketch has 3 probes"},
                  {train("d", with(dense(), {"--batch-size", "601"})), "batch of 601"},
                  {train("mine", with(dense(), {"--batch-size", "601"})), "batch of 601"},
                  {train("e", with(dense(), {"--select", "best-validation", "--held-out", "0"})), "must be held out"}});
}

TEST_F(UsageTest, MissingAndBrokenInputsAreNamed) {
  write(folder_ / "damaged.safetensors", "\x08");
  write(folder_ / "odd.toml", "input = [1, 4, 4]\n[[layer]]\ntype = 'linaer'\n");
  run_well(train("run", dense()));
  expect_refused(
      {{transfer("new", {"--data", "minst"}), "no data set 'minst'"},
       {transfer("new", {"--data", "mnist"}), "ntt data fetch mnist"},
       {transfer("new", {"--model", "lenet-5"}), "lenet-5"},
       {transfer("new", {"--model", "none.toml"}), "none.toml"},
       {transfer("new", {"--model", "odd.toml"}), "linaer"},
       {train("new", {"--init", "none"}), "none"},
       {{"evaluate", "--network", "none", "--data", "small"}, "none"},
       {{"evaluate", "--network", "damaged.safetensors", "--data", "small"}, "damaged.safetensors"},
       {{"evaluate", "--network", "run", "--data", "glyphs"}, "but glyphs has inputs of 1x28x28"},
       {{"kernel", "--network", "run", "--data", "small", "--samples", "601", "--out", "K.npy"}, "--samples is 601"}});
}

TEST_F(UsageTest, ARunFolderIsNeverOverwritten) {
  run_well(train("run", dense()));
  const std::string finished = network_of("run");
  expect_refused({{train("run", dense()), "run holds a finished run; choose another folder"},
                  {train("run", with(dense(), {"--resume"})), "run holds a finished run"},
                  {train("new", with(dense(), {"--resume"})), "new holds no run to resume"}});
  EXPECT_TRUE(network_of("run") == finished);
}

TEST_F(UsageTest, APlaceThatCannotBeWrittenIsNamed) {
  write(folder_ / "file", "mine");
  run_well(train("run", dense()));
  expect_refused(
      {{train("file", dense()), "file is a file"},
       {train("/dev/null/run", dense()), "cannot make the folder /dev/null/run", 1},
       {{"kernel", "--network", "run", "--data", "small", "--samples", "2", "--out", "none/K.npy"}, "none/K.npy"}});
  EXPECT_EQ(read(folder_ / "file"), "mine");
}

}  // namespace
}  // namespace ntt
