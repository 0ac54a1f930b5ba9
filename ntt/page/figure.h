#pragma once

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
  level,   ///< a horizontal line at the first point's y
};

struct Series {
  std::string label;
  Style style;
  SeriesKind kind = SeriesKind::points;
  std::vector<PlotPoint> points;
};

/// Lines in one pair of axes.
struct LinePlot {
  std::string x_label;
  std::string y_label;
  std::string x_name;  ///< of the column in the CSV file
  std::string y_name;
  bool log_x = false;
  bool log_y = false;
  std::vector<double> x_tics;  ///< empty: gnuplot's own
  std::vector<Series> series;
};

/// Sets script, height and csv of the figure.
void draw(Figure& figure, const LinePlot& plot);

/// A text as gnuplot's single-quoted string, in which nothing is expanded.
std::string gnuplot_string(const std::string& text);

/// "a/b c" as "a-b-c", for ids and file names.
std::string slug(const std::string& text);

}  // namespace ntt
