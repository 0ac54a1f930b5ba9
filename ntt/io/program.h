#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ntt {

/// A new folder among the system's temporary ones, removed in the end with what is in it. RunError where it cannot be
/// made.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view purpose);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Runs a program of the search path with these words, what it prints going to a file, and waits for it.
/// @param absent the message of the RunError where it is not installed
/// @return whether it said that all went well
bool run_program(std::vector<std::string> words, const std::filesystem::path& output, std::string_view absent);

}  // namespace ntt
