#include "ntt/experiment/runner.h"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include "ntt/core/exceptions.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/observers.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

/// Runs jobs with a shell script in the program's place, whose first argument says what to do.
class RunnerTest : public TemporaryFolderTest {
 protected:
  RunnerTest() {
    options_.program = folder_ / "program";
    options_.folder = folder_ / "experiment";
    options_.processes = 2;
    std::filesystem::create_directories(options_.folder);
    write(options_.program,
          "#!/bin/sh\n"
          "what=$1; all=\"$*\"; while [ $# -gt 0 ]; do [ $1 = --out ] && out=$2; shift; done\n"
          "case $what in\n"
          "  fail) echo beginning; echo 'error: it cannot be done' >&2; exit 2;;\n"
          "  die) kill -9 $$;;\n"
          "  wait) trap 'exit 130' INT; mkdir -p $out; touch $out/started; while :; do sleep 0.02; done;;\n"
          "esac\n"
          "mkdir -p $out; echo \"{\\\"all\\\": \\\"$all\\\"}\" > $out/result.json\n");
    std::filesystem::permissions(options_.program, std::filesystem::perms::owner_all);
  }

  static Job job(const std::string& name, const std::string& what, const std::string& needs = "") {
    Job job{name, "find", {what}, needs, "", "", "", 1, "", 0};
    if (!needs.empty()) {
      job.arguments.emplace_back("--init");
    }
    return job;
  }

  std::map<std::string, JobRecord> run(const std::vector<Job>& jobs) {
    JobStore store(folder_ / "jobs.sqlite");
    store.add(jobs);
    run_jobs(store, options_, [&](const JobRecord& record) { told_.push_back(record.job.name); });
    std::map<std::string, JobRecord> records;
    for (JobRecord& record : store.all()) {
      records[record.job.name] = record;
    }
    return records;
  }

  RunnerOptions options_;
  Stopper stopper_{false};
  std::vector<std::string> told_;
};

TEST_F(RunnerTest, JobsFindWhatTheyNeedAndLeaveTheirResults) {
  const auto records = run({job("find/a", "do"), job("train/a", "do", "find/a")});
  const std::string folder = options_.folder.string();
  EXPECT_EQ(records.at("train/a").result.at("all"),
            "do --init " + folder + "/find/a --threads 1 --out " + folder + "/train/a");
  EXPECT_THAT(told_, ::testing::ElementsAre("find/a", "train/a"));
}

TEST_F(RunnerTest, AFailureIsRecordedAndTheRestGoesOn) {
  const auto records = run({job("a", "fail"), job("b", "do", "a"), job("c", "do"), job("d", "die")});
  EXPECT_EQ(records.at("a").state, JobState::failed);
  EXPECT_EQ(records.at("a").error, "error: it cannot be done");
  EXPECT_THAT(records.at("b").error, HasSubstr("needs a"));
  EXPECT_EQ(records.at("c").state, JobState::done);
  EXPECT_EQ(records.at("d").error, "killed by signal 9");
}

TEST_F(RunnerTest, OtherChildrenOfTheProcessAreLeftToIt) {
  const pid_t other = fork();
  if (other == 0) {
    _exit(7);
  }
  run({job("a", "do")});
  int status = 0;
  EXPECT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(RunnerTest, AProgramThatIsNotThereIsAFailure) {
  options_.program = folder_ / "none";
  EXPECT_THAT(run({job("a", "do")}).at("a").error, HasSubstr("cannot start " + options_.program.string()));
}

TEST_F(RunnerTest, WhatIsFinishedIsNotRepeated) {
  run({job("a", "do")});
  std::filesystem::remove(options_.program);
  EXPECT_EQ(run({job("a", "do")}).at("a").state, JobState::done);
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(RunnerTest, AResultThatWasNotRecordedCounts) {
  std::filesystem::create_directories(options_.folder / "a");
  write(options_.folder / "a" / "result.json", "{\"all\": \"before\"}");
  EXPECT_EQ(run({job("a", "fail")}).at("a").result.at("all"), "before");
}

TEST_F(RunnerTest, AnInterruptLetsJobsSaveAndTheyWaitAgain) {
  JobStore store(folder_ / "jobs.sqlite");
  store.add({job("a", "wait"), job("b", "wait"), job("c", "do")});
  std::thread stopper([&] {
    while (!std::filesystem::exists(options_.folder / "a" / "started") ||
           !std::filesystem::exists(options_.folder / "b" / "started")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stopper_.requested = true;
  });
  options_.observer = &stopper_;
  EXPECT_THROW(run_jobs(store, options_, [](const JobRecord&) {}), Interrupted);
  stopper.join();
  for (const JobRecord& record : store.all()) {
    EXPECT_EQ(record.state, JobState::waiting) << record.job.name;
  }
}

TEST(SecondsLeft, AreTheMeansOfTheStagesSharedByTheProcesses) {
  const auto record = [](const std::string& stage, JobState state, double seconds) {
    JobRecord made;
    made.job.stage = stage;
    made.state = state;
    made.seconds = seconds;
    return made;
  };
  std::vector<JobRecord> jobs{record("find", JobState::done, 2), record("find", JobState::done, 4),
                              record("find", JobState::running, 0), record("train", JobState::failed, 9)};
  EXPECT_EQ(seconds_left(jobs, 1), 3);
  EXPECT_EQ(seconds_left(jobs, 2), 1.5);
  jobs.push_back(record("train", JobState::waiting, 0));
  EXPECT_LT(seconds_left(jobs, 2), 0) << "no training has ended yet";
  EXPECT_EQ(seconds_left({}, 2), 0);
}

}  // namespace
}  // namespace ntt
