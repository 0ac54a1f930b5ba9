#pragma once

#include <optional>
#include <string>

#include "cli/process/interrupt.h"
#include "cli/process/progress.h"
#include "ntt/core/observer.h"

namespace ntt {

/// What the program does for a job: shows on stderr how far it is, writes its messages to the log, and stops it on the
/// first SIGINT or SIGTERM that comes while this object lives.
class TerminalObserver : public Observer {
 public:
  TerminalObserver() : TerminalObserver(ProgressOutput::standard_error()) {}
  explicit TerminalObserver(ProgressOutput output) : output_(std::move(output)) {}

  void progress(const JobProgress& progress) override;
  void message(MessageLevel level, std::string_view text) override;
  bool stop_requested() override { return interrupted(); }

 private:
  InterruptGuard guard_;
  ProgressOutput output_;
  std::optional<Progress> bar_;  ///< of the job in hand
};

}  // namespace ntt
