#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "ntt/core/observer.h"

namespace ntt {

/// Asks every job to stop while it is `requested`, which another thread may set.
class Stopper : public Observer {
 public:
  explicit Stopper(bool now = true) : requested(now) {}
  bool stop_requested() override { return requested; }

  std::atomic<bool> requested;
};

/// Keeps what a job tells.
class Recorder : public Observer {
 public:
  void progress(const JobProgress& progress) override {
    done.push_back(progress.done);
    total = progress.total;
    finished += progress.finished ? 1 : 0;
  }
  void message(MessageLevel /*level*/, std::string_view text) override { messages.emplace_back(text); }

  std::vector<std::int64_t> done;
  std::int64_t total = 0;
  int finished = 0;  ///< calls that said so
  std::vector<std::string> messages;
};

}  // namespace ntt
