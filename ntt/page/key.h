#pragma once

#include <string>
#include <vector>

namespace ntt {

/// The legend under a plot, laid out before gnuplot does the same, so that the canvas can be made high enough.
class Key {
 public:
  /// In as many columns as a canvas of this width holds.
  Key(const std::vector<std::string>& labels, int width);

  /// Pixels that it takes at the canvas' lower end.
  int height() const;
  /// The commands that put it there.
  std::string script(int canvas_height) const;

 private:
  std::size_t rows_;
};

}  // namespace ntt
