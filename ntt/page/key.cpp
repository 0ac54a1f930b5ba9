#include "ntt/page/key.h"

#include <fmt/format.h>

#include <algorithm>

#include "ntt/page/style.h"

namespace ntt {

Key::Key(const std::vector<std::string>& labels, int width) {
  std::size_t longest = 1;
  for (const std::string& label : labels) {
    longest = std::max(longest, label.size());
  }
  // gnuplot's own reckoning, in pixels; it would break columns that are wider than the canvas.
  constexpr double kLetter = 9.8;
  constexpr double kSample = 28.5;
  const auto fitting = static_cast<std::size_t>(width / (static_cast<double>(longest) * kLetter + kSample));
  const std::size_t columns = std::clamp<std::size_t>(fitting, 1, std::max<std::size_t>(labels.size(), 1));
  rows_ = (labels.size() + columns - 1) / columns;
}

int Key::height() const {
  constexpr int kRow = 21;
  return kRow * static_cast<int>(rows_);
}

std::string Key::script(int canvas_height) const {
  // Hung up by its upper end: the terminals differ in how far apart they set its rows.
  return fmt::format(
      "set key center top at screen 0.5, screen {:.4f} vertical maxrows {}\n"
      "set key Left reverse samplen 1.8 width -2 textcolor rgb '{}'\n",
      (height() + 4.0) / canvas_height, std::max<std::size_t>(rows_, 1), kInk);
}

}  // namespace ntt
