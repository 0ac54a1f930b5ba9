#pragma once

#include <string>
#include <vector>

namespace ntt {

/// What a shell can offer for the value of an option or an argument.
struct Candidates {
  enum class Paths { kNone, kFiles, kFolders };
  std::vector<std::string> words;
  Paths paths = Paths::kNone;
};

struct CompletedOption {
  std::vector<std::string> names;  ///< "-h", "--help"
  std::string help;
  bool takes_value = false;
  Candidates candidates;
};

/// A command as a shell sees it.
struct CompletedCommand {
  std::string name;  ///< from the program's on: "ntt data fetch"
  std::string help;
  std::vector<CompletedOption> options;
  std::vector<Candidates> arguments;
};

/// A script that makes the shell complete the command line of the first command, which comes before those below it.
std::string bash_completion(const std::vector<CompletedCommand>& commands);
std::string zsh_completion(const std::vector<CompletedCommand>& commands);
std::string fish_completion(const std::vector<CompletedCommand>& commands);

}  // namespace ntt
