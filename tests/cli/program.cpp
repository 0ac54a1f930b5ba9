#include "tests/cli/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace ntt {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_of(const std::filesystem::path& folder,
                                        const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> variables{
      {"HOME", folder.string()}, {"NTT_DATA", (folder / "data").string()}, {"PATH", "/usr/bin:/bin"}};
  for (const char* kept : {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(kept)) {
      variables[kept] = value;
    }
  }
  for (const auto& [name, value] : more) {
    variables[name] = value;
  }
  std::vector<std::string> texts;
  for (const auto& [name, value] : variables) {
    texts.push_back(name + "=" + value);
  }
  return texts;
}

}  // namespace

Program::Program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment) {
  std::string name = (std::filesystem::temp_directory_path() / "ntt-output-XXXXXX").string();
  output_ = ::mkdtemp(name.data());
  std::vector<std::string> words{NTT_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment_of(folder, environment);
  const std::vector<char*> argv = pointers_to(words);
  const std::vector<char*> envp = pointers_to(variables);
  const std::string out = output_ / "out";
  const std::string err = output_ / "err";
  child_ = ::fork();
  if (child_ < 0) {
    throw std::runtime_error("the test cannot start a child");
  }
  if (child_ == 0) {  // nothing that allocates from here on
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    const bool ready = ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO) >= 0 &&
                       ::dup2(::open(out.c_str(), flags, 0600), STDOUT_FILENO) >= 0 &&
                       ::dup2(::open(err.c_str(), flags, 0600), STDERR_FILENO) >= 0 && ::chdir(folder.c_str()) == 0;
    if (ready) {
      ::execve(NTT_PROGRAM, argv.data(), envp.data());
    }
    ::_exit(127);
  }
}

Program::~Program() {
  if (running()) {
    send(SIGKILL);
    wait();
  }
  std::error_code ignored;
  std::filesystem::remove_all(output_, ignored);
}

bool Program::running() {
  if (!ended_) {
    ended_ = ::waitpid(child_, &status_, WNOHANG) == child_;
  }
  return !ended_;
}

void Program::send(int signal) const {
  ::kill(child_, signal);
}

Outcome Program::wait() {
  while (!ended_) {
    ended_ = ::waitpid(child_, &status_, 0) == child_ || errno != EINTR;
  }
  const int code = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
  return {code, content_of(output_ / "out"), content_of(output_ / "err")};
}

}  // namespace ntt
