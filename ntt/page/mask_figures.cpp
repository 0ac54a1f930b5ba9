#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "ntt/page/figures.h"

namespace ntt {
namespace {

/// The facts of the networks that are there and like the first one.
template <typename Alike>
std::vector<const NetworkFacts*> facts_of(const std::vector<const Run*>& runs, RunFiles& files, Alike alike) {
  std::vector<const NetworkFacts*> facts;
  for (const Run* run : runs) {
    const NetworkFacts* one = files.network(*run);
    if (one != nullptr && (facts.empty() || alike(*facts.front(), *one))) {
      facts.push_back(one);
    }
  }
  return facts;
}

bool same_shape(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || a.sizes() == b.sizes());
}

std::optional<Figure> pixel_figure(const ByMethod<std::vector<const Run*>>& methods, RunFiles& files) {
  HeatMapGrid grid;
  grid.shared_bar = true;
  grid.bar_label = "kept weights a pixel";
  double most = 0;
  std::size_t seeds = 0;
  for (const auto& [method, runs] : methods) {
    const auto facts = facts_of(
        runs, files, [](const NetworkFacts& a, const NetworkFacts& b) { return same_shape(a.pixels, b.pixels); });
    if (facts.empty() || !facts.front()->pixels.defined()) {
      continue;
    }
    seeds = std::max(seeds, facts.size());
    std::vector<at::Tensor> counts;
    std::ranges::transform(facts, std::back_inserter(counts), &NetworkFacts::pixels);
    const at::Tensor mean = at::stack(counts).mean(0);
    most = std::max(most, mean.max().item<double>());
    grid.maps.push_back({method, mean});
  }
  if (grid.maps.empty()) {
    return {};
  }
  for (HeatMap& map : grid.maps) {
    map.high = std::max(most, 1.0);
  }
  Figure figure;
  figure.caption = fmt::format(
      "Weights of the first layer that are kept at each pixel of the input, all outputs "
      "together{}.",
      seeds > 1 ? fmt::format("; mean over {} seeds", seeds) : "");
  draw(figure, grid);
  return figure;
}

/// Of each method's lowest seed, each in its own colours: methods start from weights of other sizes.
std::optional<Figure> field_figure(const ByMethod<std::vector<const Run*>>& methods, RunFiles& files) {
  HeatMapGrid grid;
  for (const auto& [method, runs] : methods) {
    const Run* first = *std::ranges::min_element(runs, {}, [](const Run* run) { return run->job().seed; });
    const NetworkFacts* facts = files.network(*first);
    if (facts != nullptr && facts->fields.defined()) {
      const double most = facts->fields.nan_to_num(0).abs().max().item<double>();
      grid.maps.push_back({method, facts->fields, -most, most, true});
    }
  }
  if (grid.maps.empty()) {
    return {};
  }
  Figure figure;
  figure.caption =
      "Weights into the sixteen units or filters of the first layer that keep most, each a picture of what it sees; of "
      "one seed.";
  draw(figure, grid);
  return figure;
}

std::optional<Figure> filter_figure(const ByMethod<std::vector<const Run*>>& methods, RunFiles& files) {
  LinePlot plot;
  plot.x_label = "filter of the first layer, by what it keeps";
  plot.y_label = "kept weights";
  plot.x_name = "filter";
  plot.y_name = "kept_weights";
  const auto styles = styles_of_keys(methods);
  for (const auto& [method, runs] : methods) {
    const auto facts = facts_of(
        runs, files, [](const NetworkFacts& a, const NetworkFacts& b) { return a.filters.size() == b.filters.size(); });
    Series series{method, styles.at(method), SeriesKind::curve, {}};
    for (std::size_t i = 0; !facts.empty() && i < facts.front()->filters.size(); ++i) {
      std::vector<double> values;
      std::ranges::transform(facts, std::back_inserter(values),
                             [i](const NetworkFacts* one) { return one->filters[i]; });
      series.points.push_back(*point_of(static_cast<double>(i + 1), values));
    }
    if (!series.points.empty()) {
      plot.series.push_back(std::move(series));
    }
  }
  if (plot.series.empty()) {
    return {};
  }
  plot.bands = false;
  Figure figure;
  figure.caption = "Weights that each filter of the first layer keeps, from the fullest filter to the emptiest.";
  draw(figure, plot);
  return figure;
}

std::optional<Figure> layer_figure(const ByMethod<std::vector<const Run*>>& methods, RunFiles& files) {
  BarPlot plot;
  plot.y_label = "weights kept (%)";
  plot.group_name = "layer";
  plot.y_name = "kept_percent";
  const auto styles = styles_of_keys(methods);
  for (const auto& [method, runs] : methods) {
    const auto facts = facts_of(
        runs, files, [](const NetworkFacts& a, const NetworkFacts& b) { return a.layers.size() == b.layers.size(); });
    if (facts.empty()) {
      continue;
    }
    const std::vector<LayerCost>& layers = facts.front()->layers;
    if (plot.groups.empty()) {
      std::ranges::transform(layers, std::back_inserter(plot.groups), &LayerCost::name);
    }
    if (layers.size() != plot.groups.size()) {
      continue;
    }
    BarPlot::Bars bars{method, styles.at(method), {}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      double sum = 0;
      for (const NetworkFacts* one : facts) {
        sum += 100 * one->layers[i].density();
      }
      bars.values.push_back(sum / static_cast<double>(facts.size()));
    }
    plot.bars.push_back(std::move(bars));
  }
  if (plot.bars.empty()) {
    return {};
  }
  Figure figure;
  figure.caption = "Share of each layer's weights that is kept, mean over seeds.";
  draw(figure, plot);
  return figure;
}

}  // namespace

std::vector<Figure> mask_figures(const Comparison& networks, RunFiles& files) {
  const std::vector<double> densities = networks.densities();
  if (densities.empty()) {
    return {};
  }
  const auto methods = by_method(at_density(networks.sparse, densities.front()));
  std::vector<Figure> figures;
  for (auto& [name, title, figure] : {std::tuple("pixels", "first layer, by pixel", pixel_figure(methods, files)),
                                      std::tuple("fields", "receptive fields", field_figure(methods, files)),
                                      std::tuple("filters", "first layer, by filter", filter_figure(methods, files)),
                                      std::tuple("layers", "all layers", layer_figure(methods, files))}) {
    if (figure) {
      figures.push_back(*figure);
      figures.back().id = fmt::format("mask-{}-{}", name, networks.id());
      figures.back().section = "What the masks keep";
      figures.back().title = fmt::format("{}: {}, density {:g}", title, networks.title(), densities.front());
      figures.back().caption += densities.size() > 1 ? " Shown at the lowest density." : "";
    }
  }
  return figures;
}

}  // namespace ntt
