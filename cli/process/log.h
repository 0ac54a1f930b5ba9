#pragma once

#include <string>
#include <vector>

namespace ntt {

enum class Verbosity {
  kQuiet,    ///< Warnings and errors.
  kNormal,   ///< What the program does, a line a stage.
  kVerbose,  ///< Debugging messages too.
};

/// Sends spdlog's messages (spdlog::info(...) and so on) to stderr as plain sentences, "warning: " and "error: " before
/// those that are; in colour only on a terminal and without NO_COLOR.
void setup_log(Verbosity verbosity = Verbosity::kNormal);

/// Logs each of the sentences as a warning.
void log_warnings(const std::vector<std::string>& warnings);

}  // namespace ntt
