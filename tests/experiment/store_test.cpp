#include "ntt/experiment/store.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

Job job(const std::string& name, const std::string& needs = "") {
  return {name, "find", {"prune", "--seed", "1"}, needs, "mnist", "net", "snip", 0.25, "global", 7};
}

class JobStoreTest : public TemporaryFolderTest {
 protected:
  std::filesystem::path path_ = folder_ / "jobs.sqlite";

  static JobRecord record(JobStore& store, const std::string& name) {
    for (JobRecord& record : store.all()) {
      if (record.job.name == name) {
        return record;
      }
    }
    throw std::out_of_range(name);
  }
};

TEST_F(JobStoreTest, KeepsJobsAndTheirResults) {
  {
    JobStore store(path_);
    store.add({job("a")});
    store.claim();
    store.finish("a", 1.5, {{"accuracy", 0.5}});
  }
  JobStore store(path_);
  const JobRecord kept = record(store, "a");
  EXPECT_EQ(kept.state, JobState::done);
  EXPECT_EQ(kept.seconds, 1.5);
  EXPECT_EQ(kept.result.at("accuracy"), 0.5);
  EXPECT_EQ(kept.job.arguments, job("a").arguments);
  EXPECT_EQ(kept.job.density, 0.25);
  EXPECT_EQ(kept.job.scope, "global");
  EXPECT_EQ(kept.job.seed, 7);
}

TEST_F(JobStoreTest, StatesAreTheJobsWithoutTheirResults) {
  JobStore store(path_);
  store.add({job("a"), job("b"), job("c")});
  store.claim();
  store.finish("a", 1.5, {{"accuracy", 0.5}});
  store.claim();
  store.fail("b", 2, "no such data");
  const std::vector<JobRecord> all = store.all();
  const std::vector<JobRecord> states = store.states();
  ASSERT_EQ(states.size(), 3U);
  for (std::size_t i = 0; i < states.size(); ++i) {
    EXPECT_EQ(states[i].job.name, all[i].job.name);
    EXPECT_EQ(states[i].job.stage, all[i].job.stage);
    EXPECT_EQ(states[i].state, all[i].state);
    EXPECT_EQ(states[i].seconds, all[i].seconds);
    EXPECT_EQ(states[i].error, all[i].error);
    EXPECT_TRUE(states[i].result.is_null());
  }
  EXPECT_EQ(all[0].result.at("accuracy"), 0.5);
}

TEST_F(JobStoreTest, HandsOutJobsOnceWhatTheyNeedIsDone) {
  JobStore store(path_);
  store.add({job("a"), job("b", "a"), job("c")});
  EXPECT_EQ(store.claim()->name, "a");
  EXPECT_EQ(store.claim()->name, "c");
  EXPECT_FALSE(store.claim()) << "b waits for a";
  store.finish("a", 1, {});
  EXPECT_EQ(store.claim()->name, "b");
  store.release("b");
  EXPECT_EQ(store.claim()->name, "b");
}

TEST_F(JobStoreTest, AFailureReachesAllThatNeedsIt) {
  JobStore store(path_);
  store.add({job("a"), job("b", "a"), job("c", "b"), job("d")});
  store.claim();
  store.fail("a", 2, "no such data");
  EXPECT_EQ(record(store, "a").error, "no such data");
  EXPECT_EQ(record(store, "b").error, "needs a, which failed");
  EXPECT_EQ(record(store, "c").state, JobState::failed);
  EXPECT_EQ(store.claim()->name, "d");
  store.retry_failed();
  EXPECT_EQ(store.claim()->name, "a");
}

TEST_F(JobStoreTest, AddingAgainAddsWhatIsNewAndRefusesWhatHasChanged) {
  JobStore store(path_);
  store.add({job("a")});
  store.claim();
  store.finish("a", 1, {});
  store.add({job("a"), job("b")});
  EXPECT_EQ(record(store, "a").state, JobState::done);
  EXPECT_EQ(store.all().size(), 2U);
  Job changed = job("a");
  changed.arguments.emplace_back("--global");
  EXPECT_THAT(message_of<InputError>([&] { store.add({job("c"), changed}); }), HasSubstr("job a is done with other"));
  EXPECT_EQ(store.all().size(), 2U) << "nothing of it was added";
}

TEST_F(JobStoreTest, AMendedFileMendsJobsThatWaitOrHaveFailed) {
  JobStore store(path_);
  store.add({job("a"), job("b"), job("c")});
  store.claim();
  store.fail("a", 1, "no such option");
  store.claim();
  Job failed = job("a");
  Job running = job("b");
  Job waiting = job("c");
  for (Job* changed : {&failed, &running, &waiting}) {
    changed->arguments.emplace_back("--global");
  }
  EXPECT_THAT(message_of<InputError>([&] { store.add({waiting, running}); }), HasSubstr("job b is running with other"));
  EXPECT_EQ(record(store, "c").job.arguments, job("c").arguments) << "nothing of it was changed";
  store.add({failed, waiting});
  store.retry_failed();
  EXPECT_EQ(store.claim()->arguments, failed.arguments);
  EXPECT_EQ(store.claim()->arguments, waiting.arguments);
}

TEST(FoundOnTest, IsTheDataOfTheFirstJobOfTheChain) {
  const auto on = [](const std::string& name, const std::string& needs, const std::string& data) {
    Job one = job(name, needs);
    one.data = data;
    return JobRecord{one, JobState::waiting, 0, "", {}};
  };
  EXPECT_EQ(found_on({on("a", "", "mnist"), on("b", "a", "mnist"), on("c", "b", "svhn"), on("d", "", "svhn")}),
            (std::vector<std::string>{"mnist", "mnist", "mnist", "svhn"}));
}

TEST_F(JobStoreTest, AJobOfAProcessThatIsGoneWaitsAgain) {
  JobStore store(path_);
  store.add({job("a")});
  store.claim();
  EXPECT_FALSE(JobStore(path_).claim()) << "this process lives";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  // The same number, another start: the number has gone to another process since.
  const std::string sql = "UPDATE jobs SET owner = '" + std::to_string(getpid()) + "@1'";
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  EXPECT_EQ(store.claim()->name, "a");
}

TEST_F(JobStoreTest, SharedByManyEachJobIsHandedOutOnce) {
  constexpr int kJobs = 60;
  std::vector<Job> jobs;
  for (int i = 0; i < kJobs; ++i) {
    jobs.push_back(job(std::to_string(i)));
  }
  JobStore(path_).add(jobs);
  std::vector<std::vector<std::string>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken) {
    threads.emplace_back([&] {
      JobStore store(path_);
      while (const auto next = store.claim()) {
        mine.push_back(next->name);
        store.finish(next->name, 0, {});
      }
    });
  }
  std::set<std::string> names;
  std::size_t count = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    count += taken[i].size();
    names.insert(taken[i].begin(), taken[i].end());
  }
  EXPECT_EQ(count, kJobs);
  EXPECT_EQ(names.size(), kJobs);
}

TEST_F(JobStoreTest, WhatIsNoDatabaseIsNamed) {
  write(path_, std::string(4096, 'x'));
  EXPECT_THAT(message_of<InputError>([&] { JobStore store(path_); }), HasSubstr("jobs.sqlite is no experiment's"));
  EXPECT_THAT(message_of<RunError>([&] { JobStore store(folder_ / "none" / "jobs.sqlite"); }),
              HasSubstr("cannot open"));
}

}  // namespace
}  // namespace ntt
