#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class CompletionTest : public CliTest {
 protected:
  CompletionTest() {
    write(folder_ / "ntt.bash", run_well({"completion", "bash"}).out);
    std::filesystem::create_directories(folder_ / "runs");
    write(folder_ / "grid.toml", "");
  }

  /// What bash offers for the last word of a command line.
  Words offered(const Words& line) const {
    write(folder_ / "line.bash",
          fmt::format("source ./ntt.bash\n[[ $(complete -p ntt) == *_ntt* ]] || exit 1\n"
                      "COMP_WORDS=('{}')\nCOMP_CWORD={}\n_ntt\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
                      fmt::join(line, "' '"), line.size() - 1));
    const std::string command = fmt::format("cd '{}' && bash line.bash > offered 2>&1", folder_.string());
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream file(folder_ / "offered");
    Words words;
    for (std::string word; std::getline(file, word);) {
      if (!word.empty()) {
        words.push_back(word);
      }
    }
    return words;
  }
};

TEST_F(CompletionTest, OffersCommandsAndTheirOptions) {
  EXPECT_THAT(offered({"ntt", "tr"}), UnorderedElementsAre("transfer", "train"));
  EXPECT_THAT(offered({"ntt", ""}), IsSupersetOf({"transfer", "data", "completion"}));
  EXPECT_THAT(offered({"ntt", "data", ""}), UnorderedElementsAre("list", "info", "fetch", "verify"));
  EXPECT_THAT(offered({"ntt", "transfer", "--den"}), UnorderedElementsAre("--density", "--density-schedule"));
  EXPECT_THAT(offered({"ntt", "experiment", "run", "--ret"}), ElementsAre("--retry-failed"));
  EXPECT_THAT(offered({"ntt", "run", "--ret"}), IsEmpty());
}

TEST_F(CompletionTest, OffersTheWordsOfAnOption) {
  EXPECT_THAT(offered({"ntt", "transfer", "--kernel", ""}), UnorderedElementsAre("exact", "sketch"));
  EXPECT_THAT(offered({"ntt", "transfer", "--kernel", "=", "e"}), ElementsAre("exact"));
  EXPECT_THAT(offered({"ntt", "transfer", "--json", "--data", "mn"}), ElementsAre("mnist"));
  EXPECT_THAT(offered({"ntt", "transfer", "--data", "fashion-mnist", "--model", "lenet-3"}),
              ElementsAre("lenet-300-100"));
  EXPECT_THAT(offered({"ntt", "data", "fetch", "fa"}), ElementsAre("fashion-mnist"));
  EXPECT_THAT(offered({"ntt", "transfer", "--density", ""}), IsEmpty());
}

TEST_F(CompletionTest, OffersFilesAndFolders) {
  EXPECT_THAT(offered({"ntt", "experiment", "run", "gr"}), ElementsAre("grid.toml"));
  const Words folders = offered({"ntt", "train", "--out", ""});
  EXPECT_THAT(folders, Contains("runs"));
  EXPECT_THAT(folders, Not(Contains("grid.toml")));
}

TEST_F(CompletionTest, HasAScriptForOtherShells) {
  EXPECT_THAT(run_well({"completion", "zsh"}).out, HasSubstr("'--kernel=["));
  EXPECT_THAT(run_well({"completion", "fish"}).out, HasSubstr("-l kernel -r -f -a 'exact sketch'"));
  EXPECT_EQ(run({"completion", "tcsh"}).code, 2);
}

}  // namespace
}  // namespace ntt
