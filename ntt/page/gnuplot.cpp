#include "ntt/page/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/read_file.h"

extern char** environ;

namespace ntt {

namespace fs = std::filesystem;

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "ntt-figure-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      fail_run("cannot make a folder in {}: {}", fs::temp_directory_path().string(),
               std::generic_category().message(errno));
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// Runs gnuplot on one argument with its output in a file; its wait status.
int call_gnuplot(std::string argument, const fs::path& output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::string program = "gnuplot";
  std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    fail_run("figures are drawn by gnuplot, which is not installed: apt-get install gnuplot-nox");
  }
  if (error != 0) {
    fail_run("cannot start gnuplot: {}", std::generic_category().message(error));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// Sets a terminal, draws and closes its file.
std::string drawing_on(const std::string& terminal, const fs::path& output, const fs::path& script) {
  return fmt::format("set terminal {}\nset output {}\nload {}\nset output\nreset\n", terminal,
                     gnuplot_string(output.string()), gnuplot_string(script.string()));
}

}  // namespace

void check_gnuplot() {
  const TemporaryFolder folder;
  call_gnuplot("--version", folder / "words");
}

Drawing run_gnuplot(const Figure& figure) {
  const TemporaryFolder folder;
  const fs::path script = folder / "figure.gp";
  const fs::path all = folder / "all.gp";
  const fs::path words = folder / "words";
  write_file_atomically(script, figure.script);
  const std::string svg =
      fmt::format("svg noenhanced size {},{} font 'sans-serif,14' background rgb 'white'", figure.width, figure.height);
  const std::string pdf =
      fmt::format("pdfcairo noenhanced size {}in,{}in font 'sans,14'", figure.width / 100.0, figure.height / 100.0);
  write_file_atomically(
      all, drawing_on(svg, folder / "figure.svg", script) + drawing_on(pdf, folder / "figure.pdf", script));
  const int status = call_gnuplot(all.string(), words);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fail_run("gnuplot could not draw the figure {}: {}", figure.id, read_file(words));
  }
  return {read_file(folder / "figure.svg"), read_file(folder / "figure.pdf")};
}

}  // namespace ntt
