#pragma once

#include <cstdint>
#include <string_view>

#include "ntt/core/api.h"

namespace ntt {

/// How far a job is.
struct JobProgress {
  std::string_view job;      ///< "transfer"
  std::string_view unit;     ///< what is counted, in the singular: "step"
  std::int64_t done = 0;     ///< units done, those of earlier processes included
  std::int64_t total = 0;    ///< units in the whole job; 0 where unknown
  std::string_view figures;  ///< to show beside it: "kernel 812 target 0.31"
  bool finished = false;     ///< true once, in the job's last call
};

enum class MessageLevel { info, warning };

/// Who started a long job: told how far it is and what happens, asked whether it is to stop. Called by the thread that
/// runs the job only, between two units of work. The default hears nothing and never stops a job.
class NTT_API Observer {
 public:
  Observer() = default;
  virtual ~Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  /// First with the units done when the job begins, then after each unit.
  virtual void progress(const JobProgress& /*progress*/) {}
  /// A whole sentence without its full stop.
  virtual void message(MessageLevel /*level*/, std::string_view /*text*/) {}
  /// Whether the job is to save its state and throw Interrupted.
  virtual bool stop_requested() { return false; }

  /// The default, for jobs that nobody observes.
  static Observer& none() {
    static Observer nobody;
    return nobody;
  }
};

}  // namespace ntt
