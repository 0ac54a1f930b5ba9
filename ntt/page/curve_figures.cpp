#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ntt/page/curves.h"
#include "ntt/page/figures.h"

namespace ntt {
namespace {

constexpr std::size_t kDensities = 3;

/// One number of the metrics, as it is plotted.
struct Quantity {
  const char* key;
  const char* label;
  bool log = false;
  std::optional<Limits> limits = {};
  double factor = 1;
};

std::vector<double> lowest(const Comparison& comparison) {
  std::vector<double> densities = comparison.densities();
  densities.resize(std::min(densities.size(), kDensities));
  return densities;
}

std::vector<Curve> curves_of(const std::vector<const Run*>& runs, const Quantity& quantity, RunFiles& files) {
  std::vector<Curve> curves;
  for (const Run* run : runs) {
    Curve curve;
    for (const nlohmann::json& line : files.metrics(*run)) {
      const auto step = line.find("step");
      const auto value = line.find(quantity.key);
      if (step != line.end() && value != line.end() && step->is_number() && value->is_number()) {
        curve[step->get<std::int64_t>()] = quantity.factor * value->get<double>();
      }
    }
    if (!curve.empty()) {
      curves.push_back(std::move(curve));
    }
  }
  return curves;
}

LinePlot plot_over_steps(const Quantity& quantity, const char* steps) {
  LinePlot plot;
  plot.x_label = steps;
  plot.y_label = quantity.label;
  plot.x_name = "step";
  plot.y_name = quantity.key;
  plot.log_x = true;
  plot.log_y = quantity.log;
  plot.y_limits = quantity.limits;
  return plot;
}

void add_line(LinePlot& plot, const std::string& label, const Style& style, const std::vector<Curve>& curves) {
  std::vector<PlotPoint> points = mean_curve(curves);
  if (plot.log_y) {
    std::erase_if(points, [](const PlotPoint& point) { return point.y <= 0; });
  }
  if (!points.empty()) {
    plot.series.push_back({label, style, SeriesKind::curve, std::move(points)});
  }
}

/// Dense and every method at one density; nothing where no sparse network has the quantity.
std::optional<LinePlot> compare_methods(const Comparison& comparison, double density, const Quantity& quantity,
                                        RunFiles& files) {
  LinePlot plot = plot_over_steps(quantity, "training step");
  add_line(plot, "dense", style_of("dense"), curves_of(comparison.dense, quantity, files));
  const auto styles = styles_of_keys(by_method(comparison.sparse));
  for (const auto& [method, runs] : by_method(at_density(comparison.sparse, density))) {
    add_line(plot, method, styles.at(method), curves_of(runs, quantity, files));
  }
  leave_few_bands(plot);
  return plot.series.empty() ? std::nullopt : std::optional(plot);
}

}  // namespace

std::vector<PlotPoint> mean_curve(const std::vector<Curve>& curves) {
  std::vector<PlotPoint> points;
  if (curves.empty()) {
    return points;
  }
  for (const auto& [step, value] : curves.front()) {
    std::vector<double> values;
    for (const Curve& curve : curves) {
      if (const auto found = curve.find(step); found != curve.end()) {
        values.push_back(found->second);
      }
    }
    if (values.size() == curves.size()) {  // a mean over other runs at other steps would jump
      points.push_back(*point_of(static_cast<double>(step), values));
    }
  }
  return points;
}

void leave_few_bands(LinePlot& plot) {
  constexpr std::size_t kMost = 5;
  plot.bands = plot.series.size() <= kMost;
}

std::vector<Figure> convergence_figures(const Comparison& comparison, RunFiles& files) {
  const Quantity quantity{"test_accuracy", "test accuracy (%)", false, kPercentLimits, 100};
  std::vector<double> densities = lowest(comparison);
  if (densities.empty()) {
    densities = {1};  // the dense network alone
  }
  std::vector<Figure> figures;
  for (const double density : densities) {
    const auto plot = compare_methods(comparison, density, quantity, files);
    if (!plot) {
      continue;
    }
    Figure figure;
    figure.id = fmt::format("convergence-{}-{:g}", comparison.id(), density);
    figure.section = "Convergence";
    figure.title = fmt::format("{}, density {:g}", comparison.title(), density);
    figure.caption =
        fmt::format("Test accuracy during supervised training{}. {}",
                    comparison.densities().size() > kDensities ? "; shown at the lowest three densities" : "",
                    comparison.seeds_text(plot->bands ? "bands" : nullptr));
    draw(figure, *plot);
    figures.push_back(std::move(figure));
  }
  return figures;
}

std::vector<Figure> transfer_figures(const Comparison& networks, RunFiles& files) {
  std::vector<Figure> figures;
  const std::vector<double> densities = lowest(networks);
  const auto methods = by_method(networks.sparse);
  const auto styles = styles_of_keys(methods);
  for (const Quantity& quantity :
       {Quantity{"kernel_distance", "kernel distance", true}, Quantity{"target_distance", "target distance", true}}) {
    LinePlot plot = plot_over_steps(quantity, "step of the search");
    for (const auto& [method, runs] : methods) {
      for (std::size_t i = 0; i < densities.size(); ++i) {
        Style style = styles.at(method);
        style.dash = static_cast<int>(i) + 1;
        add_line(plot, densities.size() > 1 ? fmt::format("{} {:g}", method, densities[i]) : method, style,
                 curves_of(at_density(runs, densities[i]), quantity, files));
      }
    }
    if (plot.series.empty()) {
      continue;
    }
    leave_few_bands(plot);
    Figure figure;
    figure.id = fmt::format("search-{}-{}", slug(quantity.label), networks.id());
    figure.section = "Distances during the search";
    figure.title = fmt::format("{}: {}", quantity.label, networks.title());
    figure.caption = fmt::format(
        "Mean squared difference between the sparse network's {} and its dense teacher's, on held-out inputs{}. {}",
        quantity.key == std::string("kernel_distance") ? "tangent kernel" : "outputs",
        networks.densities().size() > kDensities ? "; shown at the lowest three densities" : "",
        networks.seeds_text(plot.bands ? "bands" : nullptr));
    draw(figure, plot);
    figures.push_back(std::move(figure));
  }
  return figures;
}

std::vector<Figure> training_kernel_figures(const Comparison& comparison, RunFiles& files) {
  const std::vector<double> densities = comparison.densities();
  std::vector<Figure> figures;
  for (const auto& [quantity, caption] :
       {std::pair(Quantity{"kernel_distance", "kernel distance", true},
                  "Mean squared difference between the network's tangent kernel, over all pairs of outputs, and its "
                  "untrained dense teacher's"),
        std::pair(
            Quantity{"kernel_alignment", "kernel alignment (cosine)", false, kCosineLimits},
            "Cosine of the network's tangent kernel, over all pairs of outputs, and its untrained dense teacher's"),
        std::pair(Quantity{"target_distance", "target distance", true},
                  "Mean squared difference between the network's outputs and its untrained dense teacher's")}) {
    const double density = densities.empty() ? 1 : densities.front();
    const auto plot = compare_methods(comparison, density, quantity, files);
    if (!plot) {
      continue;
    }
    Figure figure;
    figure.id = fmt::format("training-{}-{}", slug(quantity.label), comparison.id());
    figure.section = "Kernels during training";
    figure.title = fmt::format("{}: {}, density {:g}", quantity.label, comparison.title(), density);
    figure.caption = fmt::format("{}, during supervised training{}. {}", caption,
                                 densities.size() > 1 ? "; shown at the lowest density" : "",
                                 comparison.seeds_text(plot->bands ? "bands" : nullptr));
    draw(figure, *plot);
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace ntt
