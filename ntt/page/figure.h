#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "ntt/page/style.h"

namespace ntt {

/// A figure as gnuplot draws it, and what stands around it on the page.
struct Figure {
  std::string id;       ///< its anchor on the page and the name of its files
  std::string section;  ///< the heading that it stands under
  std::string title;
  std::string caption;
  int width = 460;  ///< of the drawing, in pixels of 1/100 inch
  int height = 360;
  std::string script;  ///< gnuplot commands that draw it on a terminal that is already set
  std::string csv;     ///< the numbers in it
};

/// A point with the ends of its interval; both are y where there is none.
struct PlotPoint {
  double x = 0;
  double y = 0;
  double low = 0;
  double high = 0;
  std::size_t count = 1;  ///< runs that it is the mean of
};

enum class SeriesKind {
  points,  ///< markers with error bars, joined by lines
  curve,   ///< a line, its interval a band
  path,    ///< a line through the plane, a marker at its end
  level,   ///< a horizontal line at the first point's y
};

struct Series {
  std::string label;  ///< in the key; empty: none
  Style style;
  SeriesKind kind = SeriesKind::points;
  std::vector<PlotPoint> points;
  std::string name = {};  ///< in the CSV file, where it is not the label
};

/// What no value can pass, though its interval may: the axis ends there.
struct Limits {
  double low;
  double high;
};
inline constexpr Limits kPercentLimits{0, 100};
inline constexpr Limits kCosineLimits{-1, 1};

/// Lines in one pair of axes.
struct LinePlot {
  std::string x_label;
  std::string y_label;
  std::string x_name;  ///< of the column in the CSV file
  std::string y_name;
  bool log_x = false;
  bool log_y = false;
  std::optional<Limits> y_limits;
  std::vector<double> x_tics;  ///< empty: gnuplot's own
  bool bands = true;           ///< whether curves show their intervals
  std::vector<Series> series;
};

/// Sets script, height and csv of the figure.
void draw(Figure& figure, const LinePlot& plot);

/// A matrix of colours.
struct HeatMap {
  std::string title;
  at::Tensor values;  ///< float64 [rows, columns], the first row on top; NaN: left out
  double low = 0;     ///< of the colours
  double high = 1;
  bool diverging = false;  ///< white in the middle
};

/// Heat maps side by side.
struct HeatMapGrid {
  std::size_t columns = 3;
  bool shared_bar = false;  ///< one bar of colours for all, which then have the same range; else one each
  std::string bar_label;    ///< of the shared bar
  std::vector<HeatMap> maps;
};
void draw(Figure& figure, const HeatMapGrid& grid);

/// Groups of bars from 0, one of each series in each group.
struct BarPlot {
  struct Bars {
    std::string label;
    Style style;
    std::vector<double> values;  ///< one a group
  };
  std::string y_label;
  std::string group_name;  ///< of the columns in the CSV file
  std::string y_name;
  std::vector<std::string> groups;
  std::vector<Bars> bars;
};
void draw(Figure& figure, const BarPlot& plot);

/// A text as gnuplot's single-quoted string, in which nothing is expanded.
std::string gnuplot_string(const std::string& text);

/// "a/b c" as "a-b-c", for ids and file names.
std::string slug(const std::string& text);

}  // namespace ntt
