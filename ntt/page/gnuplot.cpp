#include "ntt/page/gnuplot.h"

#include <fmt/format.h>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/program.h"
#include "ntt/io/read_file.h"

namespace ntt {

namespace fs = std::filesystem;

namespace {

/// Runs gnuplot on one argument with its output in a file; whether it drew.
bool call_gnuplot(const std::string& argument, const fs::path& output) {
  return run_program({"gnuplot", argument}, output,
                     "figures are drawn by gnuplot, which is not installed: apt-get install gnuplot-nox");
}

/// Sets a terminal, draws and closes its file.
std::string drawing_on(const std::string& terminal, const fs::path& output, const fs::path& script) {
  return fmt::format("set terminal {}\nset output {}\nload {}\nset output\nreset\n", terminal,
                     gnuplot_string(output.string()), gnuplot_string(script.string()));
}

}  // namespace

void check_gnuplot() {
  const TemporaryFolder folder("figure");
  call_gnuplot("--version", folder / "words");
}

Drawing run_gnuplot(const Figure& figure) {
  const TemporaryFolder folder("figure");
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
  if (!call_gnuplot(all.string(), words)) {
    fail_run("gnuplot could not draw the figure {}: {}", figure.id, read_file(words));
  }
  return {read_file(folder / "figure.svg"), read_file(folder / "figure.pdf")};
}

}  // namespace ntt
