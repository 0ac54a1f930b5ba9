#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ntt/page/csv.h"
#include "ntt/page/figure.h"

namespace ntt {
namespace {

constexpr int kPlotHeight = 300;
constexpr int kKeyRow = 20;

/// Columns of the key, from the width that its longest label takes at the font's size.
std::size_t key_columns(const Figure& figure, const LinePlot& plot) {
  std::size_t longest = 0;
  for (const Series& series : plot.series) {
    longest = std::max(longest, series.label.size());
  }
  constexpr std::size_t kLetter = 8;
  constexpr std::size_t kSample = 48;
  return std::clamp<std::size_t>(static_cast<std::size_t>(figure.width - 30) / (longest * kLetter + kSample), 1,
                                 plot.series.size());
}

std::string axes(const LinePlot& plot, std::size_t columns) {
  std::string script = fmt::format(
      "set encoding utf8\n"
      "set border 3 lw 0.8 lc rgb '{0}'\n"
      "set tics nomirror out scale 0.6 textcolor rgb '{0}'\n"
      "set grid lt 1 lw 0.5 dt 1 lc rgb '{1}'\n"
      "set key bmargin center horizontal Left reverse samplen 2.2 spacing 1.1 maxcols {2} textcolor rgb '{0}'\n"
      "set xlabel {3} offset 0,0.8 textcolor rgb '{0}'\n"
      "set ylabel {4} textcolor rgb '{0}'\n"
      "set style fill transparent solid 0.18 noborder\n",
      kInk, kGrid, columns, gnuplot_string(plot.x_label), gnuplot_string(plot.y_label));
  if (plot.log_x) {
    script += "set logscale x\n";
  }
  if (plot.log_y) {
    script += "set logscale y\nset format y '%g'\n";
  }
  constexpr std::size_t kMostTics = 9;
  if (!plot.x_tics.empty() && plot.x_tics.size() <= kMostTics) {
    std::vector<std::string> tics;
    for (const double tic : plot.x_tics) {
      tics.push_back(fmt::format("'{0:g}' {0:g}", tic));
    }
    script += fmt::format("set xtics ({})\n", fmt::join(tics, ", "));
  }
  return script;
}

/// The x axis with room beside the outermost points.
std::string x_range(const LinePlot& plot) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const Series& series : plot.series) {
    for (const PlotPoint& point : series.kind == SeriesKind::level ? std::vector<PlotPoint>() : series.points) {
      low = std::min(low, point.x);
      high = std::max(high, point.x);
    }
  }
  if (low > high) {
    return "set xrange [0.5:2]\n";  // levels alone
  }
  if (plot.log_x) {
    const double room = std::max(1.02, std::pow(high / low, 0.04)) * (low == high ? 1.5 : 1);
    return fmt::format("set xrange [{:g}:{:g}]\n", low / room, high * room);
  }
  const double room = low == high ? 1 : 0.03 * (high - low);
  return fmt::format("set xrange [{:g}:{:g}]\n", low - room, high + room);
}

std::string data_block(std::size_t index, const Series& series) {
  std::string block = fmt::format("$d{} << EOD\n", index);
  for (const PlotPoint& point : series.points) {
    block += fmt::format("{} {} {} {}\n", point.x, point.y, point.low, point.high);
  }
  return block + "EOD\n";
}

bool has_intervals(const Series& series) {
  return std::ranges::any_of(series.points, [](const PlotPoint& point) { return point.low < point.high; });
}

void add_clauses(std::vector<std::string>& clauses, std::size_t index, const Series& series) {
  const Style& style = series.style;
  const std::string title = gnuplot_string(series.label);
  const std::string line = fmt::format("lc rgb '{}' lw 1.8 dt {}", style.colour, style.dash);
  switch (series.kind) {
    case SeriesKind::points:
      if (has_intervals(series)) {
        clauses.push_back(
            fmt::format("$d{} using 1:2:3:4 with yerrorbars lc rgb '{}' lw 1 ps 0 notitle", index, style.colour));
      }
      clauses.push_back(
          fmt::format("$d{} using 1:2 with linespoints {} pt {} ps 0.75 title {}", index, line, style.marker, title));
      break;
    case SeriesKind::curve:
      if (has_intervals(series)) {
        clauses.push_back(fmt::format("$d{} using 1:3:4 with filledcurves lc rgb '{}' notitle", index, style.colour));
      }
      // A marker here and there tells lines of near colours apart; as many on every line.
      clauses.push_back(fmt::format("$d{} using 1:2 with linespoints {} pt {} ps 0.6 pi {} title {}", index, line,
                                    style.marker, std::max<std::size_t>(1, series.points.size() / 6), title));
      break;
    case SeriesKind::level:
      clauses.push_back(fmt::format("{} with lines {} title {}", series.points.front().y, line, title));
      break;
  }
}

std::string csv_of(const LinePlot& plot) {
  Csv csv({"series", plot.x_name, plot.y_name, "low", "high", "runs"});
  for (const Series& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      const bool sure = point.count > 1;
      csv.add_row({series.label, csv_number(point.x), csv_number(point.y), sure ? csv_number(point.low) : "",
                   sure ? csv_number(point.high) : "", fmt::format("{}", point.count)});
    }
  }
  return csv.str();
}

}  // namespace

std::string gnuplot_string(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? std::string("''") : std::string(1, static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  return quoted + "'";
}

std::string slug(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (plain) {
      result += c;
    } else if (!result.empty() && result.back() != '-') {
      result += '-';
    }
  }
  while (!result.empty() && result.back() == '-') {
    result.pop_back();
  }
  return result.empty() ? "x" : result;
}

void draw(Figure& figure, const LinePlot& plot) {
  const std::size_t columns = key_columns(figure, plot);
  figure.height = kPlotHeight + kKeyRow * static_cast<int>((plot.series.size() + columns - 1) / columns);
  figure.script = axes(plot, columns) + x_range(plot);
  std::vector<std::string> clauses;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    figure.script += data_block(i, plot.series[i]);
    add_clauses(clauses, i, plot.series[i]);
  }
  figure.script += fmt::format("plot {}\n", fmt::join(clauses, ", \\\n     "));
  figure.csv = csv_of(plot);
}

}  // namespace ntt
