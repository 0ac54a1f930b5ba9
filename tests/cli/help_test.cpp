#include <sstream>
#include <utility>

#include "ntt/version.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class HelpTest : public CliTest {
 protected:
  /// The words under "Subcommands:".
  static Words commands_in(const std::string& help) {
    Words commands;
    const std::size_t at = help.find("Subcommands:\n");
    std::istringstream lines(at == std::string::npos ? "" : help.substr(at));
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line) && !line.empty();) {
      commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    return commands;
  }

  static std::string name_of(const Words& command) { return fmt::format("{}", fmt::join(with({"ntt"}, command), " ")); }
};

TEST_F(HelpTest, OfEveryCommandShowsAnExample) {
  std::set<std::string> seen;
  for (std::vector<Words> level{{}}; !level.empty();) {
    std::vector<Words> commands = std::exchange(level, {});
    std::vector<Words> helps;
    for (const Words& command : commands) {
      helps.push_back(with(command, {"--help"}));
    }
    const std::vector<Outcome> outcomes = run_all(helps);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const std::string name = name_of(commands[i]);
      const Words below = commands_in(outcomes[i].out);
      EXPECT_EQ(outcomes[i].code, 0) << name;
      EXPECT_EQ(outcomes[i].err, "") << name;
      EXPECT_THAT(outcomes[i].out, HasSubstr("Usage: " + name + " "));
      EXPECT_TRUE(!below.empty() || outcomes[i].out.find(name, outcomes[i].out.find("Example:\n")) < std::string::npos)
          << name << " shows no example of itself";
      seen.insert(name);
      for (const std::string& word : below) {
        level.push_back(with(commands[i], {word}));
      }
    }
  }
  EXPECT_THAT(seen,
              IsSupersetOf({"ntt transfer", "ntt train", "ntt evaluate", "ntt kernel", "ntt data list", "ntt data info",
                            "ntt data fetch", "ntt data verify", "ntt bench step", "ntt doctor", "ntt demo"}));
}

TEST_F(HelpTest, TellsChoicesDefaultsAndWhatIsRequired) {
  const std::string help = run_well({"transfer", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("--kernel exact|sketch "));
  EXPECT_THAT(help, HasSubstr("Share of the weights to keep (default: 0.03)\n"));
  EXPECT_THAT(help, HasSubstr("Run folder to write (required)\n"));
}

TEST_F(HelpTest, WorksBesideAConfigThatDoesNot) {
  EXPECT_THAT(run_well({"train", "--config", "nothing.toml", "--help"}).out, HasSubstr("Usage: ntt train "));
}

TEST_F(HelpTest, VersionIsOneLine) {
  EXPECT_EQ(run_well({"--version"}).out, "ntt " NTT_VERSION "\n");
}

}  // namespace
}  // namespace ntt
