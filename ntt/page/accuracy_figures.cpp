#include <fmt/format.h>

#include <algorithm>

#include "ntt/page/figures.h"

namespace ntt {
namespace {

constexpr double kPercent = 100;

std::optional<PlotPoint> accuracy_point(double x, const std::vector<const Run*>& runs) {
  const std::vector<double> values = values_of(runs, [](const Run& run) { return kPercent * run.test_accuracy(); });
  if (values.empty()) {
    return {};
  }
  const Estimate mean = estimate(values);
  const double half = mean.has_interval() ? mean.half_width : 0;
  return PlotPoint{x, mean.mean, mean.mean - half, mean.mean + half, mean.count};
}

std::string seeds_text(const Comparison& comparison) {
  std::size_t most = 0;
  for (const auto& [method, runs] : by_method(comparison.sparse)) {
    for (const double density : comparison.densities()) {
      most = std::max(most, at_density(runs, density).size());
    }
  }
  return most > 1 ? fmt::format("Means over {} seeds or fewer; bars are 95 % intervals (Student's t).", most)
                  : "One seed: there is no interval.";
}

}  // namespace

std::vector<Figure> accuracy_figures(const Comparison& comparison) {
  const std::vector<double> densities = comparison.densities();
  if (densities.empty()) {
    return {};
  }
  LinePlot plot{"density: share of weights kept",
                "test accuracy (%)",
                "density",
                "test_accuracy_percent",
                true,
                false,
                densities,
                {}};
  if (const auto level = accuracy_point(1, comparison.dense)) {
    plot.series.push_back({"dense", style_of("dense"), SeriesKind::level, {*level}});
  }
  for (const auto& [method, runs] : by_method(comparison.sparse)) {
    Series series{method, style_of(method), SeriesKind::points, {}};
    for (const double density : densities) {
      if (const auto point = accuracy_point(density, at_density(runs, density))) {
        series.points.push_back(*point);
      }
    }
    if (!series.points.empty()) {
      plot.series.push_back(std::move(series));
    }
  }
  if (plot.series.empty()) {
    return {};
  }
  Figure figure;
  figure.id = "accuracy-" + comparison.id();
  figure.section = "Accuracy against density";
  figure.title = comparison.title();
  figure.caption =
      "Test accuracy after supervised training, mean of the last ten evaluations, at each density of the mask. " +
      seeds_text(comparison);
  draw(figure, plot);
  return {figure};
}

}  // namespace ntt
