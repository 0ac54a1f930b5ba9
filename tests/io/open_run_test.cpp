#include "ntt/io/open_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::HasSubstr;

class OpenRunTest : public TemporaryFolderTest {
 protected:
  const RunFolder folder_of_run_{folder_ / "run"};

  RunRequest request(bool resume = false, const std::string& density = "0.2") const {
    const auto number = TomlOption::Kind::kNumber;
    return {"transfer",
            {{"density", {density}, number},
             {"threads", {"2"}, number},
             {"keep", {"first", "7"}, {}, true},
             {"learning-rate", {}, number}},
            3,
            folder_of_run_.path(),
            resume};
  }
  std::string refusal(const RunRequest& asked) const {
    return message_of<InputError>([&] { const OpenRun run(asked, Observer::none()); });
  }
};

TEST_F(OpenRunTest, OptionsWithAValueAreWritten) {
  RunRequest asked = request();
  fill_in(asked.options, "learning-rate", "0.003", TomlOption::Kind::kNumber);
  fill_in(asked.options, "density", "0.5", TomlOption::Kind::kNumber);  // has one
  const OpenRun run(asked, Observer::none());
  EXPECT_FALSE(run.resume());
  EXPECT_EQ(read(folder_of_run_.file(kConfigFile)),
            "[transfer]\ndensity = 0.2\nthreads = 2\nkeep = [\"first\", \"7\"]\nlearning-rate = 0.003\n");
  const nlohmann::json record = result_record(request(), 1.5, 2);
  EXPECT_EQ(record.at("what"), "transfer");
  EXPECT_EQ(record.at("options"), (nlohmann::json{{"density", 0.2}, {"threads", 2}, {"keep", {"first", "7"}}}));
  EXPECT_EQ(record.at("seed"), 3);
  EXPECT_TRUE(record.contains("versions"));
}

TEST_F(OpenRunTest, AFailedStartLeavesNothingBehindButWhatARunWrote) {
  const auto fail = [&](const RunRequest& asked, bool writes) {
    EXPECT_THROW(
        {
          const OpenRun run(asked, Observer::none());
          if (writes) {
            write(folder_of_run_.file(kMetricsFile), "{}\n");
          }
          throw std::runtime_error("no");
        },
        std::runtime_error);
  };
  fail(request(), false);
  EXPECT_FALSE(std::filesystem::exists(folder_of_run_.path()));
  fail(request(), true);
  EXPECT_TRUE(std::filesystem::exists(folder_of_run_.file(kConfigFile)));
}

TEST_F(OpenRunTest, OnlyTheSameRunIsResumed) {
  EXPECT_THAT(refusal(request(true)), HasSubstr("holds no run to resume"));
  { const OpenRun run(request(), Observer::none()); }
  { EXPECT_FALSE(OpenRun(request(true), Observer::none()).resume()); }  // no checkpoint yet
  write(folder_of_run_.file(kCheckpointFile), "state");
  EXPECT_THAT(refusal(request()), HasSubstr("holds an unfinished run"));
  EXPECT_THAT(refusal(request(true, "0.3")), HasSubstr("density is 0.3, but the run to resume was started with 0.2"));
  EXPECT_EQ(OpenRun(request(true, "0.2"), Observer::none()).resume(), true);

  RunRequest other_threads = request(true);
  other_threads.options[1].values = {"8"};
  EXPECT_TRUE(OpenRun(other_threads, Observer::none()).resume());
  folder_of_run_.write_result({});
  EXPECT_THAT(refusal(request(true)), HasSubstr("holds a finished run"));
}

TEST_F(OpenRunTest, AnOptionOfALaterVersionMustBeAtItsDefault) {
  { const OpenRun run(request(), Observer::none()); }
  write(folder_of_run_.file(kCheckpointFile), "state");
  RunRequest later = request(true);
  later.options.push_back({"pairs", {"all"}});
  EXPECT_THAT(refusal(later), HasSubstr("pairs is all, but the run to resume was started with not given"));
  later.options.back().given = false;
  EXPECT_TRUE(OpenRun(later, Observer::none()).resume());
}

TEST_F(OpenRunTest, WithoutAFolderNothingIsWritten) {
  RunRequest asked = request();
  asked.out.clear();
  EXPECT_FALSE(OpenRun(asked, Observer::none()).resume());
  asked.resume = true;
  EXPECT_EQ(refusal(asked), "a run to resume needs its folder");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace ntt
