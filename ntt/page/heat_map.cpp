#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ntt/page/csv.h"
#include "ntt/page/figure.h"

namespace ntt {
namespace {

constexpr int kGap = 14;
constexpr int kTitle = 28;
constexpr int kBar = 34;  // a bar of colours and its numbers

// Viridis, and blue through white to red after Paul Tol: both keep their order for colour-blind eyes.
constexpr const char* kSequential =
    "set palette defined (0 '#440154', 1 '#414487', 2 '#2a788e', 3 '#22a884', 4 '#7ad151', 5 '#fde725')\n";
constexpr const char* kDiverging =
    "set palette defined (0 '#2166ac', 1 '#92c5de', 2 '#f7f7f7', 3 '#f4a582', 4 '#b2182b')\n";

std::string data_block(std::size_t index, const HeatMap& map) {
  std::string block = fmt::format("$m{} << EOD\n", index);
  const auto values = map.values.accessor<double, 2>();
  for (std::int64_t row = 0; row < values.size(0); ++row) {
    for (std::int64_t column = 0; column < values.size(1); ++column) {
      block += fmt::format("{:.6g} ", values[row][column]);
    }
    block += '\n';
  }
  return block + "EOD\n";
}

/// A rectangle in pixels from the top left corner, as gnuplot's shares of the canvas from the bottom left one.
struct Box {
  int x, y, width, height;
};

std::string margins(const Figure& figure, const Box& box) {
  return fmt::format(
      "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n"
      "set bmargin at screen {:.5f}\n",
      static_cast<double>(box.x) / figure.width, static_cast<double>(box.x + box.width) / figure.width,
      1 - static_cast<double>(box.y) / figure.height, 1 - static_cast<double>(box.y + box.height) / figure.height);
}

/// A bar with its ends' values below it, and between them what they are.
std::string colour_bar(const Figure& figure, const Box& box, const HeatMap& map, const std::string& label) {
  const auto x = [&](int pixels) { return static_cast<double>(pixels) / figure.width; };
  const auto y = [&](int pixels) { return 1 - static_cast<double>(pixels) / figure.height; };
  const double below = y(box.y + box.height + 11);
  return fmt::format(
      "unset label\nunset cbtics\n"
      "set colorbox horizontal user origin screen {:.5f},{:.5f} size screen {:.5f},{:.5f} noborder\n"
      "set label '{:.3g}' at screen {:.5f},{:.5f} left font ',11' textcolor rgb '{}'\n"
      "set label '{:.3g}' at screen {:.5f},{:.5f} right font ',11' textcolor rgb '{}'\n"
      "set label {} at screen {:.5f},{:.5f} center font ',12' textcolor rgb '{}'\n",
      x(box.x), y(box.y + box.height), x(box.width), static_cast<double>(box.height) / figure.height, map.low, x(box.x),
      below, kInk, map.high, x(box.x + box.width), below, kInk, gnuplot_string(label), x(box.x + box.width / 2), below,
      kInk);
}

/// Of letters with which every title is as wide as its picture at most.
double title_size(const HeatMapGrid& grid, int width) {
  std::size_t longest = 1;
  for (const HeatMap& map : grid.maps) {
    longest = std::max(longest, map.title.size());
  }
  return std::min(13.0, width / (0.58 * static_cast<double>(longest)));
}

std::string csv_of(const HeatMapGrid& grid) {
  Csv csv({"picture", "row", "column", "value"});
  for (const HeatMap& map : grid.maps) {
    const auto values = map.values.accessor<double, 2>();
    for (std::int64_t row = 0; row < values.size(0); ++row) {
      for (std::int64_t column = 0; column < values.size(1); ++column) {
        if (!std::isnan(values[row][column])) {
          csv.add_row({map.title, fmt::format("{}", row), fmt::format("{}", column), csv_number(values[row][column])});
        }
      }
    }
  }
  return csv.str();
}

}  // namespace

void draw(Figure& figure, const HeatMapGrid& grid) {
  const int columns = static_cast<int>(grid.columns);
  const int rows = (static_cast<int>(grid.maps.size()) + columns - 1) / columns;
  const int side = (figure.width - kGap * (columns + 1)) / columns;
  const double letters = title_size(grid, side);
  const int row_height = kTitle + side + (grid.shared_bar ? 0 : kBar);
  figure.height = rows * row_height + (grid.shared_bar ? kBar + kGap : 0);
  figure.script = fmt::format(
      "set encoding utf8\nunset key\nunset xtics\nunset ytics\nset border 15 lw 0.5 lc rgb '{}'\nset multiplot\n",
      kGrid);
  for (std::size_t i = 0; i < grid.maps.size(); ++i) {
    const HeatMap& map = grid.maps[i];
    const int number = static_cast<int>(i);
    const Box box{kGap + number % columns * (side + kGap), number / columns * row_height + kTitle, side, side};
    figure.script += data_block(i, map) + margins(figure, box) + (map.diverging ? kDiverging : kSequential);
    figure.script += fmt::format("set title {} font ',{:.1f}' offset 0,-0.85 textcolor rgb '{}'\n",
                                 gnuplot_string(map.title), letters, kInk);
    if (!grid.shared_bar) {
      figure.script += colour_bar(figure, {box.x, box.y + side + 6, side, 8}, map, "");
    } else if (i + 1 == grid.maps.size()) {
      const Box bar{figure.width / 6, figure.height - kBar, 2 * figure.width / 3, 8};
      figure.script += colour_bar(figure, bar, map, grid.bar_label);
    } else {
      figure.script += "unset colorbox\n";
    }
    const double top = map.high > map.low ? map.high : map.low + 1;  // gnuplot takes no empty range
    figure.script += fmt::format(
        "set cbrange [{:.6g}:{:.6g}]\nset xrange [-0.5:{}]\nset yrange [{}:-0.5]\n"
        "plot $m{} matrix with image\n",
        map.low, top, static_cast<double>(map.values.size(1)) - 0.5, static_cast<double>(map.values.size(0)) - 0.5, i);
  }
  figure.script += "unset multiplot\n";
  figure.csv = csv_of(grid);
}

}  // namespace ntt
