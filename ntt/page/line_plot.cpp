#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ntt/page/csv.h"
#include "ntt/page/figure.h"
#include "ntt/page/key.h"

namespace ntt {
namespace {

constexpr int kPlotHeight = 250;  // with the title above, without what is below the axis
constexpr int kBelowAxis = 58;    // numbers and label of the x axis
constexpr int kLeftOfAxis = 86;   // label and numbers of the y axis, of up to six figures
constexpr int kLabel = 12;        // middle of the label, which gnuplot would put by its own, too wide, reckoning
constexpr int kRightOfAxis = 12;

/// Whether a logarithmic axis must show 0.
bool has_zero(const LinePlot& plot) {
  return plot.log_x && std::ranges::any_of(plot.series, [](const Series& series) {
           return std::ranges::any_of(series.points, [](const PlotPoint& point) { return point.x == 0; });
         });
}

/// Where x is drawn: 0 on a logarithmic axis at half of the least that is above it.
double place_of(const LinePlot& plot, double x) {
  if (x != 0 || !plot.log_x) {
    return x;
  }
  double least = INFINITY;
  for (const Series& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      least = point.x > 0 ? std::min(least, point.x) : least;
    }
  }
  return std::isinf(least) ? 1 : least / 2;
}

struct Range {
  double low = INFINITY;
  double high = -INFINITY;

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// With a share of its length more at either end.
  Range widened(bool log, double share) const {
    if (low > high) {
      return log ? Range{0.5, 2} : Range{0, 1};
    }
    if (log) {
      const double room = low == high ? 1.5 : std::pow(high / low, share);
      return {low / room, high * room};
    }
    const double room = low == high ? 1 : share * (high - low);
    return {low - room, high + room};
  }
};

Range x_range(const LinePlot& plot) {
  Range range;
  for (const Series& series : plot.series) {
    for (const PlotPoint& point : series.kind == SeriesKind::level ? std::vector<PlotPoint>() : series.points) {
      range.add(place_of(plot, point.x));
    }
  }
  return range.widened(plot.log_x, 0.04);
}

/// Of the means: an interval that reaches 0 has no lower end on a logarithmic axis.
Range y_range(const LinePlot& plot) {
  Range range;
  for (const Series& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      range.add(point.y);
    }
  }
  return range.widened(true, 0.06);
}

/// Powers of ten, or 1, 2, 5, 10, ... where there would be few of them.
std::vector<double> log_tics(const Range& range) {
  constexpr double kFewDecades = 2.2;
  const bool fine = std::log10(range.high / range.low) < kFewDecades;
  std::vector<double> tics;
  for (double decade = std::pow(10, std::floor(std::log10(range.low))); decade <= range.high; decade *= 10) {
    for (const double factor : fine ? std::vector<double>{1, 2, 5} : std::vector<double>{1}) {
      if (decade * factor >= range.low && decade * factor <= range.high) {
        tics.push_back(decade * factor);
      }
    }
  }
  return tics;
}

/// 20000 as "20k", 5000000 as "5M".
std::string short_number(double value) {
  if (value >= 1e6) {
    return fmt::format("{:g}M", value / 1e6);
  }
  return value >= 1e3 ? fmt::format("{:g}k", value / 1e3) : fmt::format("{:g}", value);
}

std::string tic_list(const std::vector<double>& tics) {
  std::vector<std::string> list;
  for (const double tic : tics) {
    list.push_back(fmt::format("'{}' {:g}", short_number(tic), tic));
  }
  return fmt::format("{}", fmt::join(list, ", "));
}

std::string axes(const Figure& figure, const LinePlot& plot, const Key& key) {
  const auto width = static_cast<double>(figure.width);
  const auto height = static_cast<double>(figure.height);
  std::string script = fmt::format(
      "set encoding utf8\n"
      "set border 3 lw 0.8 lc rgb '{0}'\n"
      "set tics nomirror out scale 0.6 textcolor rgb '{0}'\n"
      "set xtics offset 0,0.35\n"
      "set grid lt 1 lw 0.5 dt 1 lc rgb '{1}'\n"
      "{2}"
      "set lmargin at screen {3:.4f}\nset rmargin at screen {4:.4f}\nset bmargin at screen {5:.4f}\n"
      "set xlabel {6} offset 0,0.7 textcolor rgb '{0}'\n"
      "set label {7} at screen {8:.4f}, graph 0.5 center rotate by 90 textcolor rgb '{0}'\n"
      "set style fill transparent solid 0.18 noborder\n",
      kInk, kGrid, key.script(figure.height), kLeftOfAxis / width, 1 - kRightOfAxis / width,
      (key.height() + kBelowAxis) / height, gnuplot_string(plot.x_label), gnuplot_string(plot.y_label), kLabel / width);
  const Range x = x_range(plot);
  script += fmt::format("set xrange [{:g}:{:g}]\n", x.low, x.high);
  if (plot.log_x) {
    constexpr std::size_t kMostTics = 9;
    const bool own = !plot.x_tics.empty() && plot.x_tics.size() <= kMostTics;
    const bool zero = has_zero(plot);
    // Room between 0 and the first number.
    const std::vector<double> tics = own ? plot.x_tics : log_tics({zero ? 2 * place_of(plot, 0) : x.low, x.high});
    script += fmt::format("set logscale x\nset xtics ({}{})\n",
                          zero ? fmt::format("'0' {:g}, ", place_of(plot, 0)) : "", tic_list(tics));
  }
  if (plot.y_limits) {
    script += fmt::format("set yrange [{:g}<*:*<{:g}]\n", plot.y_limits->low, plot.y_limits->high);
  }
  if (plot.log_y) {
    const Range y = y_range(plot);
    script +=
        fmt::format("set logscale y\nset yrange [{:g}:{:g}]\nset ytics ({})\n", y.low, y.high, tic_list(log_tics(y)));
  }
  return script;
}

bool has_intervals(const Series& series) {
  return std::ranges::any_of(series.points, [](const PlotPoint& point) { return point.low < point.high; });
}

/// Where a point of the series stands: points with bars at one x a little beside each other, so that none is hidden.
double drawn_x(const LinePlot& plot, std::size_t index, double x) {
  const double place = place_of(plot, x);
  if (!plot.log_x || plot.series[index].kind != SeriesKind::points ||
      std::ranges::none_of(plot.series, has_intervals)) {
    return place;
  }
  const Range axis = x_range(plot);
  const auto count = static_cast<double>(plot.series.size());
  const bool one_place = std::ranges::all_of(plot.series, [&](const Series& series) {
    return series.kind == SeriesKind::level ||
           std::ranges::all_of(series.points, [&](const PlotPoint& point) { return point.x == x; });
  });
  const double apart = one_place ? 0.5 / count : 0.009;  // of the axis
  return place * std::pow(axis.high / axis.low, apart * (static_cast<double>(index) - (count - 1) / 2));
}

std::string data_block(const LinePlot& plot, std::size_t index) {
  std::string block = fmt::format("$d{} << EOD\n", index);
  for (const PlotPoint& point : plot.series[index].points) {
    // A logarithmic axis has no place for an end below 0, which lies under the axis anyhow.
    const double low = plot.log_y ? std::max(point.low, 1e-3 * point.y) : point.low;
    block += fmt::format("{} {} {} {}\n", drawn_x(plot, index, point.x), point.y, low, point.high);
  }
  return block + "EOD\n";
}

void add_clauses(std::vector<std::string>& clauses, std::size_t index, const Series& series, bool bands) {
  const Style& style = series.style;
  const std::string title = gnuplot_string(series.label);
  const std::string line = fmt::format("lc rgb '{}' lw 1.8 dt {}", style.colour, style.dash);
  switch (series.kind) {
    case SeriesKind::points:
      clauses.push_back(fmt::format("$d{} using {} {} pt {} ps 0.75 title {}", index,
                                    has_intervals(series) ? "1:2:3:4 with yerrorlines" : "1:2 with linespoints", line,
                                    style.marker, title));
      break;
    case SeriesKind::curve:
      if (bands && has_intervals(series)) {
        clauses.push_back(fmt::format("$d{} using 1:3:4 with filledcurves lc rgb '{}' notitle", index, style.colour));
      }
      // A marker here and there tells lines of near colours apart; as many on every line.
      clauses.push_back(fmt::format("$d{} using 1:2 with linespoints {} pt {} ps 0.6 pi {} title {}", index, line,
                                    style.marker, std::max<std::size_t>(1, series.points.size() / 6), title));
      break;
    case SeriesKind::path:
      clauses.push_back(fmt::format("$d{} using 1:2 with lines {} notitle", index, line));
      clauses.push_back(fmt::format("$d{} using 1:2 every ::{} with points lc rgb '{}' pt {} ps 0.9 {}", index,
                                    series.points.size() - 1, style.colour, style.marker,
                                    series.label.empty() ? "notitle" : "title " + title));
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
      csv.add_row({series.name.empty() ? series.label : series.name, csv_number(point.x), csv_number(point.y),
                   sure ? csv_number(point.low) : "", sure ? csv_number(point.high) : "",
                   fmt::format("{}", point.count)});
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
  std::vector<std::string> labels;
  for (const Series& series : plot.series) {
    if (!series.label.empty()) {
      labels.push_back(series.label);
    }
  }
  const Key key(labels, figure.width);
  figure.height = kPlotHeight + kBelowAxis + key.height();
  figure.script = axes(figure, plot, key);
  std::vector<std::string> clauses;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    figure.script += data_block(plot, i);
    add_clauses(clauses, i, plot.series[i], plot.bands);
  }
  figure.script += fmt::format("plot {}\n", fmt::join(clauses, ", \\\n     "));
  figure.csv = csv_of(plot);
}

}  // namespace ntt
