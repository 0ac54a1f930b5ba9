#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace ntt {

/// What one line of progress says.
struct ProgressView {
  std::string_view what;      ///< The job: "transfer".
  std::string_view unit;      ///< What is counted, in the singular: "step".
  std::int64_t done = 0;      ///< Units done, those of earlier processes included.
  std::int64_t total = 0;     ///< Units in the whole job; 0 where unknown.
  double units_per_second{};  ///< This process's own rate; 0 where not yet known.
  std::string_view extra;     ///< Figures to show at the end: "kernel 812 target 0.31".
};

/// One line without a line break. With `width` > 0 it has a bar and takes at most `width` columns (where that is tight
/// the bar shrinks, then the count goes, then the bar, then the end); with 0 it is a plain line of any length, without
/// a bar.
std::string format_progress_line(const ProgressView& view, int width);

/// Where progress goes and what time it is; tests put their own in.
struct ProgressOutput {
  std::ostream* stream;
  bool terminal;                    ///< Redraw one line in place rather than print lines.
  std::function<int()> width;       ///< Columns of the terminal.
  std::function<double()> seconds;  ///< A steady clock.

  /// Standard error, its terminal's width and the steady clock.
  static ProgressOutput standard_error();
};

/// Shows on stderr how far a job is: on a terminal a bar redrawn at most ten times a second; else a plain line after
/// two seconds, more at widening intervals of at least ten seconds, and one at the end. A job under two seconds shows
/// nothing.
///
/// The rate counts from the first update() on. A resumed job, and one that wants its first unit counted, calls
/// update(units already done) before it begins.
class Progress {
 public:
  /// @param total units in the whole job, 0 where unknown
  Progress(std::string what, std::int64_t total, std::string unit = "step");
  Progress(std::string what, std::int64_t total, std::string unit, ProgressOutput output);
  /// Leaves the last bar standing, on a line of its own.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// @param done units done so far, those of earlier processes included
  /// @param extra figures to show at the end of the line
  void update(std::int64_t done, std::string_view extra = "");
  /// Shows the end, with the time taken and the last update's extra.
  void finish();

 private:
  [[nodiscard]] ProgressView view(double now) const;
  void draw_bar(double now);
  void print_line(double now);

  std::string what_;
  std::string unit_;
  std::string extra_;
  ProgressOutput output_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  std::int64_t first_done_ = 0;
  double started_;
  double rate_from_ = 0;
  double next_draw_;
  bool updated_ = false;
  bool bar_drawn_ = false;
  bool finished_ = false;
};

}  // namespace ntt
