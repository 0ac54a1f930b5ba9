#include "ntt/core/parallel.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <new>
#include <stdexcept>
#include <vector>

#include "tests/core/numerics.h"

namespace ntt {
namespace {

struct Share {
  std::int64_t begin;
  std::int64_t end;
  int thread;
};

/// What parallel_for hands out, in order.
std::vector<Share> shares_of(std::int64_t count) {
  std::mutex mutex;
  std::vector<Share> shares;
  parallel_for(count, [&](std::int64_t begin, std::int64_t end, int thread) {
    const std::lock_guard lock(mutex);
    shares.push_back({begin, end, thread});
  });
  std::sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) { return a.begin < b.begin; });
  return shares;
}

/// That the shares are contiguous, equal to within one, numbered in order, and together are 0..count-1.
void expect_partition(const std::vector<Share>& shares, std::int64_t count) {
  std::int64_t next = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    EXPECT_EQ(shares[i].begin, next);
    EXPECT_EQ(shares[i].thread, static_cast<int>(i));
    const std::int64_t size = shares[i].end - shares[i].begin;
    const auto workers = static_cast<std::int64_t>(shares.size());
    EXPECT_GE(size, count / workers);
    EXPECT_LE(size, (count + workers - 1) / workers);
    next = shares[i].end;
  }
  EXPECT_EQ(next, count);
}

TEST(Threads, AreSetForOursAndForAten) {
  const ThreadsGuard guard(3);
  EXPECT_EQ(threads(), 3);
  EXPECT_EQ(at::get_num_threads(), 3);
}

TEST(Threads, ParallelForCoversEachIndexOnce) {
  for (const int count_of_threads : {1, 2, 3, 5}) {
    const ThreadsGuard guard(count_of_threads);
    for (const std::int64_t count : {1, 2, 3, 4, 7, 100, 101}) {
      const std::vector<Share> shares = shares_of(count);
      EXPECT_EQ(static_cast<std::int64_t>(shares.size()), std::min<std::int64_t>(count, count_of_threads));
      expect_partition(shares, count);
    }
  }
}

TEST(Threads, ParallelForOfNothingCallsNothing) {
  const ThreadsGuard guard(2);
  EXPECT_TRUE(shares_of(0).empty());
  parallel_for_work(0, 1 << 20, [](std::int64_t, std::int64_t, int) { FAIL(); });
}

TEST(Threads, SharesAreTheSameWhenTheSystemGivesFewerThreads) {
  const ThreadsGuard guard(16);
  omp_set_dynamic(1);
  const std::vector<Share> shares = shares_of(100);
  omp_set_dynamic(0);
  EXPECT_EQ(shares.size(), 16);
  expect_partition(shares, 100);
}

TEST(Threads, InsideAParallelRegionWorkStaysOnItsThread) {
  const ThreadsGuard guard(2);
  std::vector<std::atomic<int>> visits(6);
  std::atomic<int> inner_calls = 0;
  parallel_for(2, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t outer = begin; outer < end; ++outer) {
      parallel_for(3, [&](std::int64_t inner_begin, std::int64_t inner_end, int) {
        ++inner_calls;
        for (std::int64_t inner = inner_begin; inner < inner_end; ++inner) {
          ++visits[static_cast<std::size_t>(outer * 3 + inner)];
        }
      });
    }
  });
  EXPECT_EQ(inner_calls, 2);
  for (const auto& count : visits) {
    EXPECT_EQ(count, 1);
  }
}

TEST(Threads, AnExceptionOfOneShareReachesTheCallerAfterTheOthers) {
  for (const int count : {1, 2}) {
    const ThreadsGuard guard(count);
    for (const std::int64_t thrower : {0, 1}) {
      std::atomic<int> others = 0;
      const auto body = [&](std::int64_t begin, std::int64_t end, int) {
        if (begin <= thrower && thrower < end) {
          throw std::length_error("too long");
        }
        ++others;
      };
      EXPECT_THROW(parallel_for(2, body), std::length_error) << count << " threads";
      EXPECT_EQ(others, count - 1);
    }
  }
}

TEST(Threads, OfSeveralExceptionsOneReachesTheCaller) {
  const ThreadsGuard guard(2);
  const auto fails = [](std::int64_t, std::int64_t, int) { throw std::bad_alloc(); };
  EXPECT_THROW(parallel_for_work(1 << 20, 1, fails), std::bad_alloc);
}

TEST(Threads, LittleWorkIsNotShared) {
  const ThreadsGuard guard(2);
  const auto calls = [](std::int64_t count, std::int64_t work_each) {
    std::atomic<int> result = 0;
    std::atomic<std::int64_t> covered = 0;
    parallel_for_work(count, work_each, [&](std::int64_t begin, std::int64_t end, int) {
      ++result;
      covered += end - begin;
    });
    EXPECT_EQ(covered, count);
    return result.load();
  };
  EXPECT_EQ(calls(10, 10), 1);
  EXPECT_EQ(calls(10, 1 << 20), 2);
  EXPECT_EQ(calls(1, 1 << 20), 1);
}

}  // namespace
}  // namespace ntt
