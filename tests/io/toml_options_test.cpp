#include "ntt/io/toml_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = TomlOption::Kind;

const std::set<std::string> kCommands{"prune", "transfer"};

class TomlOptionsTest : public TemporaryFolderTest {
 protected:
  std::vector<TomlOption> options(const std::string& text) {
    write(path_, text);
    return read_toml_options(path_, "transfer", kCommands);
  }
  TomlOption option(const std::string& text) {
    const auto all = options(text);
    return all.size() == 1 ? all.front() : TomlOption{};
  }

  std::filesystem::path path_ = folder_ / "a.toml";
};

TEST_F(TomlOptionsTest, ValuesAreSpelledAsOnTheCommandLine) {
  EXPECT_THAT(option("model = \"conv-4\"").values, ElementsAre("conv-4"));
  EXPECT_THAT(option("batch-size = 1_000").values, ElementsAre("1000"));
  EXPECT_THAT(option("seed = 0x10").values, ElementsAre("16"));
  EXPECT_THAT(option("rate = 5e-4").values, ElementsAre("0.0005"));
  EXPECT_THAT(option("rate = 0.1").values, ElementsAre("0.1"));
  EXPECT_THAT(option("json = true").values, ElementsAre("true"));
  EXPECT_THAT(option("density = [0.5, 0.1]").values, ElementsAre("0.5", "0.1"));
  EXPECT_EQ(option("model = \"7\"").kind, Kind::kString);
  EXPECT_EQ(option("model = 7").kind, Kind::kNumber);
  EXPECT_EQ(option("json = false").kind, Kind::kBoolean);
  EXPECT_TRUE(option("density = [0.5]").is_list);
  EXPECT_EQ(option("# a line\n\nmodel = \"x\"").line, 3);
}

TEST_F(TomlOptionsTest, OwnTableWinsOverTopLevelAndOtherCommandsArePassedOver) {
  const auto all = options("seed = 1\nepochs = 2\n[prune]\nscore = \"snip\"\n[transfer]\nseed = 3\n");
  ASSERT_EQ(all.size(), 2);
  for (const TomlOption& entry : all) {
    EXPECT_THAT(entry.values, ElementsAre(entry.name == "seed" ? "3" : "2"));
  }
}

TEST_F(TomlOptionsTest, FaultsNameFileAndLine) {
  const auto message = [&](const std::string& text) { return message_of<InputError>([&] { options(text); }); };
  EXPECT_THAT(message("\nmodel = \n"), StartsWith(path_.string() + ", line 2: "));
  EXPECT_EQ(message("[transfr]\nseed = 1"),
            path_.string() + ", line 1: there is no command 'transfr'; did you mean 'transfer'?");
  EXPECT_EQ(message("\n[x]\nseed = 1"), path_.string() + ", line 2: there is no command 'x'");
  EXPECT_EQ(message("[transfer.deep]\nseed = 1"),
            path_.string() + ", line 1: option 'deep' must be a string, a number, true or false, or a list of these");
  EXPECT_THAT(message("[transfer]\nseed = 1979-05-27"), HasSubstr(", line 2: option 'seed' must be a string"));
  EXPECT_THAT(message("seed = [[1]]"), HasSubstr("option 'seed' must be a string"));
  EXPECT_THAT(message("seed = 1\nseed = 2"), StartsWith(path_.string() + ", line 2: "));
}

TEST_F(TomlOptionsTest, MissingFileIsNamed) {
  EXPECT_EQ(message_of<InputError>([&] { read_toml_options(path_, "transfer", kCommands); }),
            "cannot read " + path_.string() + ": No such file or directory");
  EXPECT_EQ(message_of<InputError>([&] { read_toml_options(folder_, "transfer", kCommands); }),
            "cannot read " + folder_.string() + ": it is a folder, not a file");
}

TEST_F(TomlOptionsTest, WrittenOptionsReadBack) {
  const std::vector<TomlOption> written{{"density", {"0.5", "0.1"}, Kind::kNumber, true},
                                        {"json", {"true"}, Kind::kBoolean},
                                        {"model", {"a \"quoted\" \\ name"}},
                                        {"seed", {"7"}, Kind::kNumber},
                                        {"none", {}, Kind::kString, true}};
  const std::string text = write_toml_options("transfer", written);
  EXPECT_THAT(text, StartsWith("[transfer]\ndensity = [0.5, 0.1]\njson = true\nmodel = "));
  EXPECT_THAT(text, EndsWith("\nseed = 7\n"));  // without what has no value
  const auto back = options(text);
  ASSERT_EQ(back.size(), written.size() - 1);
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].name, written[i].name);
    EXPECT_EQ(back[i].values, written[i].values);
    EXPECT_EQ(back[i].kind, written[i].kind);
    EXPECT_EQ(back[i].is_list, written[i].is_list);
  }
}

TEST(NearestNameTest, FindsTyposAndNothingFar) {
  const std::vector<std::string> names{"batch-size", "learning-rate", "seed"};
  EXPECT_EQ(nearest_name("batch_size", names), "batch-size");
  EXPECT_EQ(nearest_name("lerning-rat", names), "learning-rate");
  EXPECT_EQ(nearest_name("sed", names), "seed");
  EXPECT_EQ(nearest_name("wholly-other", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace ntt
