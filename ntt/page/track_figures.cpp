#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "ntt/page/curves.h"
#include "ntt/page/figures.h"

namespace ntt {
namespace {

/// A run with its track.
struct Tracked {
  const Run* run;
  Track track;
};

/// The dense run of each seed, and the sparse ones of the lowest density that followed the same inputs.
struct TrackSet {
  std::map<std::int64_t, Tracked> dense;
  ByMethod<std::map<std::int64_t, Tracked>> sparse;
  double density = 1;
};

TrackSet tracks_of(const Comparison& comparison, RunFiles& files) {
  TrackSet set;
  for (const Run* run : comparison.dense) {
    if (std::optional<Track> track = files.track(*run)) {
      set.dense.emplace(run->job().seed, Tracked{run, std::move(*track)});
    }
  }
  const std::vector<double> densities = comparison.densities();
  if (densities.empty()) {
    return set;
  }
  set.density = densities.front();
  for (const Run* run : at_density(comparison.sparse, set.density)) {
    if (std::optional<Track> track = files.track(*run)) {
      set.sparse[run->job().method].emplace(run->job().seed, Tracked{run, std::move(*track)});
    }
  }
  return set;
}

bool same_inputs(const Track& a, const Track& b) {
  return at::equal(a.labels, b.labels) && a.outputs.size(2) == b.outputs.size(2);
}

/// The lowest seed of which there is a sparse track; 0 where there is none.
std::int64_t first_seed(const TrackSet& set) {
  std::int64_t seed = std::numeric_limits<std::int64_t>::max();
  for (const auto& [method, tracks] : set.sparse) {
    seed = std::min(seed, tracks.begin()->first);
  }
  if (set.sparse.empty() && !set.dense.empty()) {
    seed = set.dense.begin()->first;
  }
  return seed;
}

/// Dense first, then every method: the tracks of one seed.
std::vector<std::pair<std::string, Tracked>> of_seed(const TrackSet& set, std::int64_t seed) {
  std::vector<std::pair<std::string, Tracked>> chosen;
  if (const auto dense = set.dense.find(seed); dense != set.dense.end()) {
    chosen.emplace_back("dense", dense->second);
  }
  for (const auto& [method, tracks] : set.sparse) {
    if (const auto found = tracks.find(seed); found != tracks.end()) {
      chosen.emplace_back(method, found->second);
    }
  }
  return chosen;
}

std::string place_text(const Comparison& comparison, const TrackSet& set, std::int64_t seed) {
  return set.sparse.empty() ? fmt::format("{}, seed {}", comparison.title(), seed)
                            : fmt::format("{}, density {:g}, seed {}", comparison.title(), set.density, seed);
}

double cosine(const at::Tensor& a, const at::Tensor& b) {
  return ((a * b).sum() / (a.norm() * b.norm())).item<double>();
}

/// The first few inputs of either class.
std::vector<std::int64_t> few_inputs(const Track& track) {
  constexpr std::int64_t kOfAClass = 3;
  std::vector<std::int64_t> chosen;
  std::map<std::int64_t, std::int64_t> taken;
  for (std::int64_t i = 0; i < track.labels.size(0); ++i) {
    if (taken[track.labels[i].item<std::int64_t>()]++ < kOfAClass) {
      chosen.push_back(i);
    }
  }
  return chosen;
}

/// The dense network beside NTT's and random ones, or beside a few others where there are none of these.
std::vector<std::pair<std::string, Tracked>> few_methods(const std::vector<std::pair<std::string, Tracked>>& tracks) {
  constexpr std::size_t kOthers = 4;
  std::vector<std::pair<std::string, Tracked>> chosen;
  std::ranges::copy_if(tracks, std::back_inserter(chosen), [](const auto& track) {
    return track.first == "dense" || track.first == "random" || track.first.starts_with("ntt");
  });
  const bool wanted = std::ranges::any_of(chosen, [](const auto& track) { return track.first != "dense"; });
  return wanted ? chosen
                : std::vector(tracks.begin(), tracks.begin() + std::min<std::ptrdiff_t>(kOthers, std::ssize(tracks)));
}

std::optional<Figure> trajectory_figure(const std::vector<std::pair<std::string, Tracked>>& tracks) {
  LinePlot plot;
  plot.x_label = "output of class 0";
  plot.y_label = "output of class 1";
  plot.x_name = "output_0";
  plot.y_name = "output_1";
  const auto styles = styles_of_keys(tracks);
  for (const auto& [method, tracked] : few_methods(tracks)) {
    if (tracked.track.outputs.size(2) != 2) {
      continue;
    }
    bool named = false;
    for (const std::int64_t input : few_inputs(tracked.track)) {
      const at::Tensor outputs = tracked.track.outputs.select(1, input);
      Series series{
          named ? "" : method, styles.at(method), SeriesKind::path, {}, fmt::format("{}, input {}", method, input)};
      for (std::int64_t t = 0; t < outputs.size(0); ++t) {
        const double x = outputs[t][0].item<double>();
        const double y = outputs[t][1].item<double>();
        series.points.push_back({x, y, y, y});
      }
      plot.series.push_back(std::move(series));
      named = true;
    }
  }
  if (plot.series.empty()) {
    return {};
  }
  Figure figure;
  figure.id = "trajectories";
  figure.section = "Output trajectories";
  figure.caption =
      "The two outputs for a few held-out inputs of either class, from the start of training to its end (marker).";
  draw(figure, plot);
  return figure;
}

/// What a kernel is on the diagonal, on average: its scale.
double scale_of(const at::Tensor& kernel) {
  return kernel.diagonal().mean().item<double>();
}

/// Dense, sparse and their difference, before and after training, inputs ordered by class. Each kernel is divided by
/// its scale: that of a sparse network's weights is about its density's share of the dense one's, which would hide the
/// rest.
Figure heat_map_figure(const std::string& method, const Track& dense, const Track& sparse) {
  const at::Tensor order = dense.labels.argsort();
  const auto ordered = [&](const at::Tensor& kernel) {
    const double scale = scale_of(kernel);
    return kernel.index_select(0, order).index_select(1, order) / (scale > 0 ? scale : 1);
  };
  const auto share = [&](std::int64_t step) { return scale_of(sparse.kernel[step]) / scale_of(dense.kernel[step]); };
  HeatMapGrid grid;
  for (const auto& [when, step] : {std::pair("start", 0), std::pair("end", -1)}) {
    const at::Tensor teacher = ordered(dense.kernel[step]);
    const at::Tensor student = ordered(sparse.kernel[step]);
    const at::Tensor difference = student - teacher;
    const double low = std::min(teacher.min().item<double>(), student.min().item<double>());
    const double high = std::max(teacher.max().item<double>(), student.max().item<double>());
    const double most = difference.abs().max().item<double>();
    grid.maps.push_back({fmt::format("dense, {}", when), teacher, low, high});
    grid.maps.push_back({fmt::format("{}, {}", method, when), student, low, high});
    grid.maps.push_back({fmt::format("difference, {}", when), difference, -most, most, true});
  }
  Figure figure;
  figure.id = fmt::format("kernel-map-{}", slug(method));
  figure.title = method;
  figure.section = "Kernels as pictures";
  figure.caption = fmt::format(
      "Tangent kernel of {} inputs, mean over the outputs, inputs ordered by label, divided by the mean of its "
      "diagonal: of the dense network, of {}, and {} minus dense; before training above, after it below. {}'s diagonal "
      "is {:.3g} of the dense one's before, {:.3g} after; the cosine of the two is {:.3f} before, {:.3f} after.",
      dense.labels.size(0), method, method, method, share(0), share(-1), cosine(dense.kernel[0], sparse.kernel[0]),
      cosine(dense.kernel[-1], sparse.kernel[-1]));
  draw(figure, grid);
  return figure;
}

std::optional<Figure> spectrum_figure(const std::vector<std::pair<std::string, Tracked>>& tracks, bool end) {
  LinePlot plot;
  plot.x_label = "rank of the eigenvalue";
  plot.y_label = "eigenvalue";
  plot.x_name = "rank";
  plot.y_name = "eigenvalue";
  plot.log_x = plot.log_y = true;
  const auto styles = styles_of_keys(tracks);
  for (const auto& [method, tracked] : tracks) {
    const std::vector<double> values = eigenvalues(tracked.track.kernel[end ? -1 : 0]);
    Series series{method, styles.at(method), SeriesKind::curve, {}};
    for (std::size_t i = 0; i < values.size() && values[i] > values.front() * 1e-7; ++i) {
      series.points.push_back({static_cast<double>(i + 1), values[i], values[i], values[i]});
    }
    if (!series.points.empty()) {
      plot.series.push_back(std::move(series));
    }
  }
  if (plot.series.empty()) {
    return {};
  }
  Figure figure;
  figure.id = fmt::format("spectrum-{}", end ? "end" : "start");
  figure.title = end ? "after training" : "before training";
  figure.section = "Eigenvalues of the kernels";
  figure.caption = fmt::format(
      "Eigenvalues of the tangent kernel, mean over the outputs, {} supervised training, largest first, down to what "
      "single precision can tell from 0.",
      end ? "after" : "before");
  draw(figure, plot);
  return figure;
}

std::optional<Figure> alignment_figure(const TrackSet& set) {
  LinePlot plot;
  plot.x_label = "training step";
  plot.y_label = "alignment (cosine)";
  plot.x_name = "step";
  plot.y_name = "alignment_with_dense";
  plot.y_limits = kCosineLimits;
  plot.log_x = true;
  std::size_t seeds = 0;
  const auto styles = styles_of_keys(set.sparse);
  for (const auto& [method, tracks] : set.sparse) {
    std::vector<Curve> curves;
    for (const auto& [seed, sparse] : tracks) {
      const auto dense = set.dense.find(seed);
      if (dense == set.dense.end() || !same_inputs(dense->second.track, sparse.track)) {
        continue;
      }
      const Track& teacher = dense->second.track;
      Curve curve;
      for (std::int64_t t = 0; t < sparse.track.steps.size(0); ++t) {
        const auto step = sparse.track.steps[t].item<std::int64_t>();
        const at::Tensor same = teacher.steps.eq(step).nonzero();
        if (same.numel() > 0) {
          curve[step] = cosine(teacher.kernel[same[0].item<std::int64_t>()], sparse.track.kernel[t]);
        }
      }
      curves.push_back(std::move(curve));
    }
    seeds = std::max(seeds, curves.size());
    if (std::vector<PlotPoint> points = mean_curve(curves); !points.empty()) {
      plot.series.push_back({method, styles.at(method), SeriesKind::curve, std::move(points)});
    }
  }
  if (plot.series.empty()) {
    return {};
  }
  leave_few_bands(plot);
  Figure figure;
  figure.id = "alignment-with-dense";
  figure.title = "alignment with the dense network";
  figure.section = "Kernels during training";
  figure.caption = fmt::format(
      "Cosine of each sparse network's tangent kernel, mean over the outputs, and that of the dense network of the "
      "same seed at the same training step; {}.",
      seeds > 1 ? fmt::format("mean over {} seeds", seeds) : "one seed");
  draw(figure, plot);
  return figure;
}

}  // namespace

std::vector<double> eigenvalues(const at::Tensor& kernel) {
  const at::Tensor rising = at::linalg_eigvalsh((kernel + kernel.t()) / 2).contiguous();
  std::vector<double> values(rising.data_ptr<double>(), rising.data_ptr<double>() + rising.numel());
  std::ranges::reverse(values);
  return values;
}

std::vector<Figure> track_figures(const Comparison& comparison, RunFiles& files) {
  const TrackSet set = tracks_of(comparison, files);
  if (set.dense.empty() && set.sparse.empty()) {
    return {};
  }
  const std::int64_t seed = first_seed(set);
  const auto tracks = of_seed(set, seed);
  std::vector<Figure> figures;
  for (auto& figure : {alignment_figure(set), trajectory_figure(tracks), spectrum_figure(tracks, false),
                       spectrum_figure(tracks, true)}) {
    if (figure) {
      figures.push_back(*figure);
    }
  }
  const auto dense = set.dense.find(seed);
  for (const auto& [method, tracked] : tracks) {
    if (method == "dense" || dense == set.dense.end()) {
      continue;
    }
    if (same_inputs(dense->second.track, tracked.track)) {
      figures.push_back(heat_map_figure(method, dense->second.track, tracked.track));
    } else {
      files.warn(fmt::format("{} and {} follow other inputs, so their kernels are not compared",
                             dense->second.run->job().name, tracked.run->job().name));
    }
  }
  for (Figure& figure : figures) {
    const bool all_seeds = figure.id == "alignment-with-dense";
    const std::string place = all_seeds ? fmt::format("{}, density {:g}", comparison.title(), set.density)
                                        : place_text(comparison, set, seed);
    figure.title = fmt::format("{}{}{}", figure.title, figure.title.empty() ? "" : ": ", place);
    figure.id = fmt::format("{}-{}", figure.id, comparison.id());
  }
  return figures;
}

}  // namespace ntt
