#include <fmt/format.h>

#include <algorithm>

#include "ntt/page/figures.h"

namespace ntt {
namespace {

constexpr double kPercent = 100;

std::vector<double> accuracies(const std::vector<const Run*>& runs) {
  return values_of(runs, [](const Run& run) { return kPercent * run.test_accuracy(); });
}

double multiply_adds(const Run& run, RunFiles& files) {
  const NetworkFacts* facts = files.network(run);
  return facts == nullptr ? NAN : static_cast<double>(total_cost(facts->layers).sparse_multiply_adds);
}

/// A line a method with, at each density, the point that `point` makes of its runs.
template <typename PointOf>
void add_methods(LinePlot& plot, const Comparison& comparison, PointOf point) {
  const auto methods = by_method(comparison.sparse);
  const auto styles = styles_of_keys(methods);
  for (const auto& [method, runs] : methods) {
    Series series{method, styles.at(method), SeriesKind::points, {}};
    for (const double density : comparison.densities()) {
      if (const std::optional<PlotPoint> at = point(density, at_density(runs, density))) {
        series.points.push_back(*at);
      }
    }
    if (!series.points.empty()) {
      plot.series.push_back(std::move(series));
    }
  }
}

/// What is to be known of bars that stand apart.
std::string bars_text(const Comparison& comparison) {
  const std::string text = comparison.seeds_text("bars");
  return text.starts_with("Means") ? text + " Points of one density stand a little apart." : text;
}

}  // namespace

std::optional<PlotPoint> point_of(double x, const std::vector<double>& values) {
  if (values.empty()) {
    return {};
  }
  const Estimate mean = estimate(values);
  const double half = mean.has_interval() ? mean.half_width : 0;
  return PlotPoint{x, mean.mean, mean.mean - half, mean.mean + half, mean.count};
}

std::vector<Figure> accuracy_figures(const Comparison& comparison) {
  LinePlot plot;
  plot.x_label = "density: share of weights kept";
  plot.y_label = "test accuracy (%)";
  plot.x_name = "density";
  plot.y_name = "test_accuracy_percent";
  plot.log_x = true;
  plot.y_limits = kPercentLimits;
  plot.x_tics = comparison.densities();
  add_methods(plot, comparison, [](double density, const auto& runs) { return point_of(density, accuracies(runs)); });
  if (plot.series.empty()) {
    return {};
  }
  if (const auto level = point_of(1, accuracies(comparison.dense))) {
    plot.series.insert(plot.series.begin(), {"dense", style_of("dense"), SeriesKind::level, {*level}});
  }
  Figure figure;
  figure.id = "accuracy-" + comparison.id();
  figure.section = "Accuracy";
  figure.title = "accuracy against density: " + comparison.title();
  figure.caption =
      "Test accuracy after supervised training, mean of the last ten evaluations, at each density of the mask. " +
      bars_text(comparison);
  draw(figure, plot);
  return {figure};
}

std::vector<Figure> cost_figures(const Comparison& comparison, RunFiles& files) {
  LinePlot plot;
  plot.x_label = "multiply-adds for one input, of the weights kept";
  plot.y_label = "test accuracy (%)";
  plot.x_name = "multiply_adds";
  plot.y_name = "test_accuracy_percent";
  plot.log_x = true;
  plot.y_limits = kPercentLimits;
  const auto point = [&](double, const std::vector<const Run*>& runs) -> std::optional<PlotPoint> {
    const std::vector<double> costs = values_of(runs, [&](const Run& run) { return multiply_adds(run, files); });
    return costs.empty() ? std::nullopt : point_of(estimate(costs).mean, accuracies(runs));
  };
  add_methods(plot, comparison, point);
  if (plot.series.empty()) {
    return {};
  }
  if (const auto dense = point(1, comparison.dense)) {
    plot.series.insert(plot.series.begin(), {"dense", style_of("dense"), SeriesKind::points, {*dense}});
  }
  Figure figure;
  figure.id = "cost-" + comparison.id();
  figure.section = "Accuracy";
  figure.title = "accuracy against cost: " + comparison.title();
  figure.caption =
      "What one answer costs when only kept weights are multiplied, against test accuracy; one point a method and "
      "density. " +
      bars_text(comparison);
  draw(figure, plot);
  return {figure};
}

}  // namespace ntt
