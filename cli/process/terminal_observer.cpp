#include "cli/process/terminal_observer.h"

#include <spdlog/spdlog.h>

namespace ntt {

void TerminalObserver::progress(const JobProgress& progress) {
  if (!bar_) {
    bar_.emplace(std::string(progress.job), progress.total, std::string(progress.unit), output_);
  }
  bar_->update(progress.done, progress.figures);
  if (progress.finished) {
    bar_->finish();
    bar_.reset();
  }
}

void TerminalObserver::message(MessageLevel level, std::string_view text) {
  spdlog::log(level == MessageLevel::warning ? spdlog::level::warn : spdlog::level::info, "{}", text);
}

}  // namespace ntt
