#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ntt/page/csv.h"
#include "ntt/page/figure.h"

namespace ntt {

void draw(Figure& figure, const BarPlot& plot) {
  constexpr int kColumns = 2;
  constexpr int kKeyRow = 21;
  constexpr int kBelowAxis = 40;
  const int key_rows = (static_cast<int>(plot.bars.size()) + kColumns - 1) / kColumns;
  const int key_height = kKeyRow * key_rows;
  figure.height = 230 + kBelowAxis + key_height;
  figure.script = fmt::format(
      "set encoding utf8\n"
      "set border 3 lw 0.8 lc rgb '{0}'\n"
      "set tics nomirror out scale 0.6 textcolor rgb '{0}'\n"
      "set xtics scale 0 offset 0,0.35\n"
      "set grid ytics lt 1 lw 0.5 dt 1 lc rgb '{1}'\n"
      "set key center bottom at screen 0.5, screen {2:.4f} vertical Left reverse samplen 1.2 maxrows {3} textcolor "
      "rgb '{0}'\n"
      "set bmargin at screen {4:.4f}\n"
      "set ylabel {5} textcolor rgb '{0}'\n"
      "set yrange [0:*]\n"
      "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 1 noborder\n$d << EOD\n",
      kInk, kGrid, 4.0 / figure.height, key_rows, static_cast<double>(key_height + kBelowAxis) / figure.height,
      gnuplot_string(plot.y_label));
  Csv csv({"series", plot.group_name, plot.y_name});
  for (std::size_t group = 0; group < plot.groups.size(); ++group) {
    for (const BarPlot::Bars& bars : plot.bars) {
      figure.script += fmt::format("{} ", bars.values[group]);
      csv.add_row({bars.label, plot.groups[group], csv_number(bars.values[group])});
    }
    figure.script += '\n';
  }
  figure.script += "EOD\n";
  std::vector<std::string> clauses;
  for (std::size_t i = 0; i < plot.bars.size(); ++i) {
    clauses.push_back(fmt::format("$d using {} lc rgb '{}' title {}", i + 1, plot.bars[i].style.colour,
                                  gnuplot_string(plot.bars[i].label)));
  }
  std::vector<std::string> tics;
  for (std::size_t i = 0; i < plot.groups.size(); ++i) {
    tics.push_back(fmt::format("{} {}", gnuplot_string(plot.groups[i]), i));
  }
  figure.script += fmt::format("set xtics ({})\nplot {}\n", fmt::join(tics, ", "), fmt::join(clauses, ", "));
  figure.csv = csv.str();
}

}  // namespace ntt
