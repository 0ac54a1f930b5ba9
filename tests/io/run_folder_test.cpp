#include "ntt/io/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "ntt/core/error.h"
#include "ntt/version.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

using RunFolderTest = TemporaryFolderTest;
using MetricsLogTest = TemporaryFolderTest;

TEST_F(RunFolderTest, GoesFromNothingToResumableToFinished) {
  const RunFolder run(folder_ / "a" / "run");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a"));
  EXPECT_FALSE(run.finished());
  EXPECT_FALSE(run.resumable());
  run.write_config("[transfer]\n");
  EXPECT_EQ(read(run.path() / "config.toml"), "[transfer]\n");
  EXPECT_FALSE(run.resumable());
  write(run.file(kCheckpointFile), "state");
  EXPECT_TRUE(run.resumable());
  EXPECT_FALSE(run.finished());
  run.write_result({{"what", "transfer"}, {"seconds", 1.5}});
  EXPECT_TRUE(run.finished());
  EXPECT_FALSE(run.resumable());
  EXPECT_FALSE(std::filesystem::exists(run.file(kCheckpointFile)));
  EXPECT_EQ(read(run.file(kResultFile)), "{\n  \"seconds\": 1.5,\n  \"what\": \"transfer\"\n}\n");
  EXPECT_EQ(run.read_result(), (json{{"what", "transfer"}, {"seconds", 1.5}}));
}

TEST_F(RunFolderTest, FileInTheFoldersPlaceIsRefused) {
  write(folder_ / "run", "x");
  const RunFolder run(folder_ / "run");
  EXPECT_EQ(message_of<InputError>([&] { run.write_config("x"); }),
            (folder_ / "run").string() + " is a file: a run needs a folder to write into");
  EXPECT_FALSE(run.finished());
}

TEST_F(RunFolderTest, ResultThatIsMissingOrNoObjectIsNamed) {
  const RunFolder run(folder_);
  EXPECT_THAT(message_of<InputError>([&] { (void)run.read_result(); }), HasSubstr(run.file(kResultFile).string()));
  for (const char* text : {"", "[1]", "{\"a\":"}) {
    write(run.file(kResultFile), text);
    EXPECT_EQ(message_of<InputError>([&] { (void)run.read_result(); }),
              run.file(kResultFile).string() + " is not a JSON object");
  }
}

TEST_F(MetricsLogTest, EachLineIsThereAtOnce) {
  const auto path = folder_ / "metrics.jsonl";
  MetricsLog log(path);
  EXPECT_EQ(log.lines(), 0);
  log.append({{"step", 1}});
  EXPECT_EQ(read(path), "{\"step\":1}\n");
  log.append({{"step", 2}});
  EXPECT_EQ(read(path), "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(log.lines(), 2);
  MetricsLog(path).append({{"step", 3}});
  EXPECT_THAT(read_metrics(path), ElementsAre(json{{"step", 1}}, json{{"step", 2}}, json{{"step", 3}}));
}

TEST_F(MetricsLogTest, ResumeDropsLinesAfterTheCheckpointAndHalfLines) {
  const auto path = folder_ / "metrics.jsonl";
  write(path, "1\n2\n3\n{\"ste");
  MetricsLog log(path);
  EXPECT_EQ(log.lines(), 3);
  log.truncate_to(3);
  EXPECT_EQ(read(path), "1\n2\n3\n");
  log.append(4);
  log.truncate_to(2);
  log.append(5);
  EXPECT_EQ(read(path), "1\n2\n5\n");
  log.truncate_to(0);
  EXPECT_EQ(read(path), "");
  EXPECT_EQ(files(), 1);
}

TEST_F(MetricsLogTest, TooFewLinesForTheCheckpointAreRefused) {
  const auto path = folder_ / "metrics.jsonl";
  write(path, "1\n2");
  MetricsLog log(path);
  EXPECT_EQ(message_of<InputError>([&] { log.truncate_to(2); }),
            path.string() + " has 1 lines where the checkpoint expects 2");
  EXPECT_EQ(read(path), "1\n2");
}

TEST_F(MetricsLogTest, UnwritableFileIsNamed) {
  MetricsLog log(folder_ / "none" / "metrics.jsonl");
  EXPECT_EQ(message_of<RunError>([&] { log.append(1); }),
            "cannot write " + (folder_ / "none" / "metrics.jsonl").string() + ": No such file or directory");
  MetricsLog full("/dev/full");
  EXPECT_EQ(message_of<RunError>([&] { full.append(1); }), "cannot write /dev/full: No space left on device");
}

TEST_F(MetricsLogTest, BrokenLineIsNamedByNumber) {
  const auto path = folder_ / "metrics.jsonl";
  write(path, "{\"a\":1}\n{\"a\n");
  EXPECT_EQ(message_of<InputError>([&] { read_metrics(path); }), path.string() + ", line 2: not a JSON value");
}

TEST(EnvironmentTest, SaysWhatRunsHere) {
  const json record = environment_record();
  EXPECT_EQ(record["versions"]["ntt"], NTT_VERSION);
  EXPECT_THAT(record["versions"]["libtorch"].get<std::string>(), MatchesRegex("[0-9]+\\.[0-9]+.*"));
  EXPECT_THAT(record["versions"]["onednn"].get<std::string>(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(record["time"].get<std::string>(),
              MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z"));
  EXPECT_FALSE(record["processor"].get<std::string>().empty());
  EXPECT_GE(record["threads"].get<int>(), 1);
}

}  // namespace
}  // namespace ntt
