#pragma once

#include <fmt/format.h>

#include <string>

#include "ntt/core/exceptions.h"
#include "ntt/io/run_folder.h"

namespace ntt {

/// Runs the job that `ntt COMMAND` does in a run folder and returns what it returns. Where it was stopped, the message
/// of Interrupted says how it is continued, too.
template <typename Job>
auto resumable(const std::string& command, const RunFolder& folder, Job&& job) {
  try {
    return job();
  } catch (const Interrupted& stop) {
    throw Interrupted(fmt::format("{}; continue with: ntt {} --config {} --resume", stop.what(), command,
                                  folder.file(kConfigFile).string()));
  }
}

}  // namespace ntt
