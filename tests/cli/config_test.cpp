#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigTest : public CliTest {
 protected:
  /// What stderr says for each of these files, which must all be refused.
  std::vector<std::string> refusals(const Words& files) const {
    std::vector<Words> commands;
    for (std::size_t i = 0; i < files.size(); ++i) {
      write(folder_ / fmt::format("{}.toml", i), files[i]);
      commands.push_back({"transfer", "--config", fmt::format("{}.toml", i), "--out", "run"});
    }
    std::vector<std::string> messages;
    for (const Outcome& outcome : run_all(commands)) {
      EXPECT_EQ(outcome.code, 2) << outcome.err;
      messages.push_back(outcome.err);
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
    return messages;
  }
  /// config.toml without the line that names the folder.
  std::string config_of(const std::string& run) const {
    std::string text = read(folder_ / run / kConfigFile);
    const std::string line = fmt::format("out = \"{}\"\n", run);
    const std::size_t at = text.find(line);
    EXPECT_NE(at, std::string::npos) << text;
    return at == std::string::npos ? text : text.erase(at, line.size());
  }
};

TEST_F(ConfigTest, EqualsTheSameOptionsOnTheCommandLine) {
  run_well(transfer("words", {"--kernel", "sketch", "--probes", "2", "--seed", "3"}));
  write(folder_ / "c.toml",
        "[transfer]\nmodel = 'small.toml'\ndata = 'small'\ndensity = 0.5\nsteps = 30\nbatch-size = 16\n"
        "evaluate-interval = 10\nheld-out = 0.1\nkernel = 'sketch'\nprobes = 2\nseed = 3\nthreads = 1\nout = 'file'\n");
  run_well({"transfer", "--config", "c.toml"});
  EXPECT_TRUE(network_of("file") == network_of("words"));
  EXPECT_EQ(config_of("file"), config_of("words"));
}

TEST_F(ConfigTest, OfARunRepeatsIt) {
  run_well(train("first", with(dense(), {"--seed", "5", "--learning-rate", "3e-3"})));
  run_well({"train", "--config", "first/config.toml", "--out", "again"});
  EXPECT_TRUE(network_of("again") == network_of("first"));
  EXPECT_EQ(config_of("again"), config_of("first"));
}

TEST_F(ConfigTest, GivesWayToTheCommandLine) {
  write(folder_ / "c.toml", "[train]\nmethod = 'dense'\nmodel = 'small.toml'\nsteps = 999\nseed = 1\n");
  run_well(train("run", {"--config", "c.toml", "--seed", "2"}));
  const nlohmann::json options = result_of("run").at("options");
  EXPECT_EQ(options.at("steps"), 30);
  EXPECT_EQ(options.at("seed"), 2);
  EXPECT_EQ(options.at("model"), "small.toml");
}

TEST_F(ConfigTest, SaysWhatTheNetworkSettled) {
  run_well(transfer("run"));
  EXPECT_EQ(result_of("run").at("options").at("weight-decay"), 1e-4);
}

TEST_F(ConfigTest, ErrorsNameFileLineAndKey) {
  EXPECT_THAT(
      refusals({"[transfer]\nseed = 1\ndensty = 0.1\n", "[transfer]\nprobes = 0\n", "[transfer]\nkernel = 'precise'\n",
                "[transfer]\njson = 3\n", "[transfers]\nseed = 1\n", "seed = \n"}),
      ElementsAre(HasSubstr("0.toml, line 3: 'densty' is no option of 'ntt transfer'; did you mean 'density'?"),
                  HasSubstr("1.toml, line 2: option 'probes' cannot be 0: it takes one INT in [1 - 1048576]"),
                  AllOf(HasSubstr("'kernel'"), HasSubstr("precise")), HasSubstr("must be true or false"),
                  HasSubstr("did you mean 'transfer'?"), HasSubstr("5.toml, line 1")));
  EXPECT_THAT(run({"transfer", "--config", "none.toml", "--out", "run"}).err, HasSubstr("none.toml"));
}

}  // namespace
}  // namespace ntt
