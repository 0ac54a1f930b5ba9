#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ntt/page/csv.h"
#include "ntt/page/figure.h"
#include "ntt/page/key.h"

namespace ntt {

void draw(Figure& figure, const BarPlot& plot) {
  constexpr int kBelowAxis = 36;
  constexpr int kPlotHeight = 250;
  std::vector<std::string> labels;
  std::ranges::transform(plot.bars, std::back_inserter(labels), &BarPlot::Bars::label);
  const Key key(labels, figure.width);
  figure.height = kPlotHeight + kBelowAxis + key.height();
  figure.script = fmt::format(
      "set encoding utf8\n"
      "set border 3 lw 0.8 lc rgb '{0}'\n"
      "set tics nomirror out scale 0.6 textcolor rgb '{0}'\n"
      "set xtics scale 0 offset 0,0.35\n"
      "set grid ytics lt 1 lw 0.5 dt 1 lc rgb '{1}'\n"
      "{2}"
      "set bmargin at screen {3:.4f}\n"
      "set ylabel {4} textcolor rgb '{0}'\n"
      "set yrange [0:*]\n"
      "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 1 noborder\n$d << EOD\n",
      kInk, kGrid, key.script(figure.height), static_cast<double>(key.height() + kBelowAxis) / figure.height,
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
    const Style& style = plot.bars[i].style;
    // Ablations of a method share its colour; a pattern tells them apart. gnuplot's hatchings are 4 to 7.
    const std::string fill = style.dash == 1
                                 ? "solid 1 noborder"
                                 : fmt::format("pattern {} border lc rgb '{}'", style.dash + 2, style.colour);
    clauses.push_back(fmt::format("$d using {} lc rgb '{}' fs {} title {}", i + 1, style.colour, fill,
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
