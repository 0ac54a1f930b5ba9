#include <chrono>
#include <csignal>
#include <thread>

#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Runs on glyphs that are stopped half-way. A run that is to be stopped saves its state after every step, which takes
/// it so long on any machine that no busy one misses its middle; the others save it seldom.
class CliResumeTest : public CliTest {
 protected:
  static constexpr std::int64_t kSteps = 20000;

  CliResumeTest() {
    write(folder_ / "glyphs.toml",
          "input = [1, 28, 28]\n[[layer]]\ntype = 'flatten'\n[[layer]]\ntype = 'linear'\nout_features = 8\n"
          "[[layer]]\ntype = 'relu'\n[[layer]]\ntype = 'linear'\nout_features = 10\n");
  }

  static Words command(const std::string& name, const std::string& out) {
    Words words =
        with({name}, {"--data", "glyphs", "--model", "glyphs.toml", "--density", "0.2", "--batch-size", "16"});
    words = with(words, {"--steps", fmt::format("{}", kSteps), "--threads", "1"});
    words = with(words, {"--out", out});
    return name == "train" ? with(words, {"--method", "random"}) : words;
  }

  /// The step that the run's checkpoint stands at; 0 if there is none.
  std::int64_t checkpoint_step(const std::string& run) const {
    const std::filesystem::path path = folder_ / run / kCheckpointFile;
    if (!std::filesystem::exists(path)) {
      return 0;
    }
    return read_safetensors(path).at("adam.steps").item<std::int64_t>();
  }

  /// Starts a command, sends the signal once its checkpoint is past `step`, and checks that this was half-way.
  Outcome stop_past(std::int64_t step, int signal, const Words& words, const std::string& run) const {
    Program program(folder_, with(words, {"--checkpoint-seconds", "0"}));
    while (program.running() && checkpoint_step(run) <= step) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    program.send(signal);
    Outcome outcome = program.wait();
    EXPECT_FALSE(std::filesystem::exists(folder_ / run / kResultFile)) << "it had ended before the signal";
    EXPECT_GT(checkpoint_step(run), step);
    EXPECT_LT(checkpoint_step(run), kSteps);
    return outcome;
  }

  std::vector<nlohmann::json> metrics_without_seconds(const std::string& run) const {
    std::vector<nlohmann::json> lines = read_metrics(folder_ / run / kMetricsFile);
    for (nlohmann::json& line : lines) {
      line.erase("seconds");
    }
    return lines;
  }
};

class CliResumeTestOf : public CliResumeTest, public testing::WithParamInterface<std::string> {};

TEST_P(CliResumeTestOf, KilledAndInterruptedTheRunEndsBitIdentical) {
  const std::string& name = GetParam();
  run_well(command(name, "whole"));

  const Outcome killed = stop_past(0, SIGKILL, command(name, "parts"), "parts");
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  EXPECT_THAT(run(command(name, "parts")).err, HasSubstr("unfinished run; resume it"));

  const Words resume{name, "--config", "parts/config.toml", "--resume"};
  const Outcome interrupted = stop_past(checkpoint_step("parts"), SIGINT, resume, "parts");
  EXPECT_EQ(interrupted.code, 130);
  EXPECT_EQ(interrupted.out, "");
  EXPECT_THAT(interrupted.err, AllOf(HasSubstr(fmt::format("step {} of {}", checkpoint_step("parts"), kSteps)),
                                     HasSubstr(fmt::format("ntt {} --config parts/config.toml --resume", name))));

  run_well(with(resume, {"--checkpoint-seconds", "10"}));
  EXPECT_TRUE(network_of("parts") == network_of("whole"));  // EXPECT_EQ would print both files
  EXPECT_EQ(metrics_without_seconds("parts"), metrics_without_seconds("whole"));
  EXPECT_EQ(files_in("parts"), files_in("whole"));
  EXPECT_EQ(result_of("parts").at("density"), result_of("whole").at("density"));
}

INSTANTIATE_TEST_SUITE_P(Commands, CliResumeTestOf, testing::Values("transfer", "train"),
                         [](const auto& tested) { return tested.param; });

TEST_F(CliResumeTest, OtherOptionsAreRefusedByName) {
  stop_past(0, SIGKILL, command("transfer", "run"), "run");
  const Outcome outcome = run(with(command("transfer", "run"), {"--resume", "--seed", "9"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("seed is 9, but the run to resume was started with 0"));
}

TEST_F(CliResumeTest, AnOptionThatTheEarlierVersionDidNotHaveIsAtItsDefault) {
  stop_past(0, SIGKILL, command("transfer", "run"), "run");
  std::string config = read(folder_ / "run" / kConfigFile);
  const std::size_t line = config.find("pairs = ");
  ASSERT_NE(line, std::string::npos);
  write(folder_ / "run" / kConfigFile, config.erase(line, config.find('\n', line) + 1 - line));
  EXPECT_THAT(run(with(command("transfer", "run"), {"--resume", "--pairs", "all"})).err,
              HasSubstr("pairs is all, but the run to resume was started with not given"));
  run_well(with(command("transfer", "run"), {"--resume", "--checkpoint-seconds", "10"}));
}

}  // namespace
}  // namespace ntt
