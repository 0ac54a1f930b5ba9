#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ntt {

/// What a program left when it ended.
struct Outcome {
  int code = 0;  ///< exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

/// The built `ntt` as a child that runs in a folder, with HOME and NTT_DATA there.
class Program {
 public:
  Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
          const std::map<std::string, std::string>& environment = {});
  /// Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] bool running();
  void send(int signal) const;
  /// Waits for the end.
  Outcome wait();

 private:
  std::filesystem::path output_;
  pid_t child_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace ntt
