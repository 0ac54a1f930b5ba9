#include "cli/process/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <utility>

#include "ntt/core/display_width.h"

namespace ntt {
namespace {

constexpr double kQuietSeconds = 2;
constexpr double kBarSeconds = 0.1;
constexpr double kLineSeconds = 10;
constexpr double kLongestLineSeconds = 300;
constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 8;

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string rate_text(double rate, std::string_view unit) {
  if (rate >= 100) {
    return fmt::format("{:.0f}/s", rate);
  }
  if (rate >= 1) {
    return fmt::format("{:.1f}/s", rate);
  }
  return fmt::format("{:.1f} s a {}", 1 / rate, unit);
}

std::string count_text(const ProgressView& view) {
  return view.total > 0 ? fmt::format("{}/{} {}s", view.done, view.total, view.unit)
                        : fmt::format("{} {}s", view.done, view.unit);
}

/// Everything after the bar but the count.
std::string pace_text(const ProgressView& view) {
  std::string text;
  if (view.units_per_second > 0) {
    text += rate_text(view.units_per_second, view.unit);
    if (view.total > view.done) {
      text += fmt::format(", {} left", clock_text(static_cast<double>(view.total - view.done) / view.units_per_second));
    }
  }
  if (!view.extra.empty()) {
    text += fmt::format("{}{}", text.empty() ? "" : " · ", view.extra);
  }
  return text;
}

std::string bar_text(double fraction, int cells) {
  const auto full = static_cast<std::size_t>(fraction * cells);
  return fmt::format("[{:#<{}}{:-<{}}]", "", full, "", static_cast<std::size_t>(cells) - full);
}

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string format_progress_line(const ProgressView& view, int width) {
  std::string head(view.what);
  double fraction = 0;
  if (view.total > 0) {
    fraction = std::clamp(static_cast<double>(view.done) / static_cast<double>(view.total), 0.0, 1.0);
    // Rounded down: 100 % is for a job that is done.
    head += fmt::format(" {:3.0f} %", std::floor(100 * fraction));
  }
  const std::string pace = pace_text(view);
  const std::string all = pace.empty() ? count_text(view) : fmt::format("{}, {}", count_text(view), pace);
  if (width <= 0) {
    return fmt::format("{} {}", head, all);
  }
  for (const std::string& figures : {all, pace}) {
    const int room = width - static_cast<int>(display_width(head) + display_width(figures)) - 4;
    if (view.total > 0 && room >= kNarrowestBar) {
      return fmt::format("{} {} {}", head, bar_text(fraction, std::min(room, kWidestBar)), figures);
    }
  }
  return cut_to_width(fmt::format("{} {}", head, all), static_cast<std::size_t>(width));
}

ProgressOutput ProgressOutput::standard_error() {
  return {&std::cerr, isatty(STDERR_FILENO) != 0, terminal_width,
          [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }};
}

Progress::Progress(std::string what, std::int64_t total, std::string unit)
    : Progress(std::move(what), total, std::move(unit), ProgressOutput::standard_error()) {}

Progress::Progress(std::string what, std::int64_t total, std::string unit, ProgressOutput output)
    : what_(std::move(what)), unit_(std::move(unit)), output_(std::move(output)), total_(total) {
  started_ = output_.seconds();
  next_draw_ = started_ + kQuietSeconds;
}

Progress::~Progress() {
  if (bar_drawn_ && !finished_) {
    *output_.stream << '\n' << std::flush;
  }
}

void Progress::update(std::int64_t done, std::string_view extra) {
  const double now = output_.seconds();
  if (!updated_) {
    updated_ = true;
    first_done_ = done;
    rate_from_ = now;
  }
  done_ = done;
  if (extra_ != extra) {
    extra_ = extra;
  }
  if (now < next_draw_) {
    return;
  }
  if (output_.terminal) {
    draw_bar(now);
    next_draw_ = now + kBarSeconds;
  } else {
    print_line(now);
    next_draw_ = now + std::clamp((now - started_) / 2, kLineSeconds, kLongestLineSeconds);
  }
}

void Progress::finish() {
  const double now = output_.seconds();
  if (finished_ || now - started_ < kQuietSeconds) {
    return;
  }
  finished_ = true;
  if (output_.terminal) {
    draw_bar(now);
    *output_.stream << '\n' << std::flush;
    return;
  }
  std::string line = fmt::format("{} finished: {} {}s in {}", what_, done_, unit_, clock_text(now - started_));
  if (!extra_.empty()) {
    line += fmt::format(" · {}", extra_);
  }
  *output_.stream << line << '\n' << std::flush;
}

ProgressView Progress::view(double now) const {
  const double elapsed = now - rate_from_;
  const double rate = updated_ && elapsed > 0 ? static_cast<double>(done_ - first_done_) / elapsed : 0;
  return {what_, unit_, done_, total_, rate, extra_};
}

void Progress::draw_bar(double now) {
  // One column stays free: many terminals wrap as soon as the last one is written.
  *output_.stream << '\r' << format_progress_line(view(now), std::max(output_.width() - 1, 1)) << "\x1b[K"
                  << std::flush;
  bar_drawn_ = true;
}

void Progress::print_line(double now) {
  *output_.stream << format_progress_line(view(now), 0) << '\n' << std::flush;
}

}  // namespace ntt
