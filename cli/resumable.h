#pragma once

#include <fmt/format.h>

#include "ntt/core/exceptions.h"
#include "ntt/io/open_run.h"

namespace ntt {

/// Runs the job that `ntt COMMAND` does in a run folder and returns what it returns. Where it was stopped and left a
/// checkpoint, the message of Interrupted says how it is continued, too.
template <typename Job>
auto resumable(const RunRequest& request, Job&& job) {
  try {
    return job();
  } catch (const Interrupted& stop) {
    const RunFolder folder(request.out);
    if (!folder.resumable()) {
      throw;
    }
    throw Interrupted(fmt::format("{}; continue with: ntt {} --config {} --resume", stop.what(), request.command,
                                  folder.file(kConfigFile).string()));
  }
}

}  // namespace ntt
