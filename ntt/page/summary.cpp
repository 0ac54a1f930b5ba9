#include "ntt/page/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "ntt/page/figures.h"

namespace ntt {
namespace {

constexpr std::size_t kNaming = 4;  // columns that name the comparison: trained on, found on, model, scope

/// A point of the grid. Dense networks, which have no scope, come first, then rising density.
struct Point {
  std::string trained_on, found_on, model, scope;
  double density;
  std::string method;

  auto key() const {
    return std::tuple(trained_on, found_on, model, scope, method != "dense", density, rank_of(method), method);
  }
  bool operator<(const Point& other) const { return key() < other.key(); }
};

Point row_of(const Run& run, const std::string& trained_on) {
  const Job& job = run.job();
  return {trained_on, run.found_on, job.model, run.dense() ? "" : job.scope, job.density, job.method};
}

struct Runs {
  std::vector<const Run*> found;
  std::vector<const Run*> trained;
};

std::map<Point, Runs> points_of(const Study& study) {
  std::map<Point, Runs> points;
  std::vector<const Run*> found;
  for (const Run& run : study.runs) {
    if (run.trained()) {
      points[row_of(run, run.job().data)].trained.push_back(&run);
    } else if (run.done()) {
      found.push_back(&run);
    }
  }
  for (const Run* run : found) {
    bool trained = false;
    for (auto& [point, runs] : points) {
      if (!runs.trained.empty() && point.key() == row_of(*run, point.trained_on).key()) {
        runs.found.push_back(run);
        trained = true;
      }
    }
    if (!trained) {
      points[row_of(*run, "")].found.push_back(run);
    }
  }
  return points;
}

std::string percent_text(const std::vector<double>& values) {
  if (values.empty()) {
    return "";
  }
  const Estimate mean = estimate(values);
  return mean.has_interval() ? fmt::format("{:.2f} ± {:.2f}", 100 * mean.mean, 100 * mean.half_width)
                             : fmt::format("{:.2f}", 100 * mean.mean);
}

std::string cost_text(const std::vector<const Run*>& runs, RunFiles& files) {
  const std::vector<double> costs = values_of(runs, [&](const Run& run) {
    const NetworkFacts* facts = files.network(run);
    return facts == nullptr ? NAN : static_cast<double>(total_cost(facts->layers).sparse_multiply_adds);
  });
  return costs.empty() ? "" : format_count(std::llround(estimate(costs).mean));
}

/// A kernel distance at the end of the search.
std::string distance_text(const std::vector<const Run*>& runs, RunFiles& files) {
  const std::vector<double> distances = values_of(runs, [&](const Run& run) {
    const std::vector<nlohmann::json>& metrics = files.metrics(run);
    const auto found = metrics.empty() ? nlohmann::json() : metrics.back().value("kernel_distance", nlohmann::json());
    return found.is_number() ? found.get<double>() : NAN;
  });
  return distances.empty() ? "" : fmt::format("{:.4g}", estimate(distances).mean);
}

/// Effective ranks of the tracked kernels, before and after training.
std::string rank_text(const std::vector<const Run*>& runs, RunFiles& files) {
  std::vector<double> starts;
  std::vector<double> ends;
  for (const Run* run : runs) {
    if (const std::optional<Track> track = files.track(*run)) {
      starts.push_back(effective_rank(eigenvalues(track->kernel[0])));
      ends.push_back(effective_rank(eigenvalues(track->kernel[-1])));
    }
  }
  return starts.empty() ? "" : fmt::format("{:.2f} → {:.2f}", estimate(starts).mean, estimate(ends).mean);
}

std::string seconds_text(const std::vector<const Run*>& runs) {
  const std::vector<double> seconds = values_of(runs, [](const Run& run) { return run.record.seconds; });
  return seconds.empty() ? "" : format_seconds(estimate(seconds).mean);
}

/// The columns before the density, which name the comparison, and those that are empty go where they tell nothing
/// apart.
void drop_idle_columns(Summary& summary) {
  for (std::size_t column = summary.columns.size(); column-- > 0;) {
    std::set<std::string> values;
    for (const auto& row : summary.rows) {
      values.insert(row[column]);
    }
    values.erase("");
    if (!values.empty() && (column >= kNaming || values.size() > 1)) {
      continue;
    }
    if (!values.empty()) {
      summary.shared.insert(summary.shared.begin(), {summary.columns[column].title, *values.begin()});
    }
    const auto at = static_cast<std::ptrdiff_t>(column);
    summary.columns.erase(summary.columns.begin() + at);
    for (auto& row : summary.rows) {
      row.erase(row.begin() + at);
    }
  }
}

}  // namespace

Summary summarise(const Study& study, RunFiles& files) {
  const Align right = Align::right;
  Summary summary;
  summary.columns = {{"trained on"},
                     {"found on"},
                     {"model"},
                     {"scope"},
                     {"density", right},
                     {"method"},
                     {"test accuracy (%)", right},
                     {"seeds", right},
                     {"multiply-adds", right},
                     {"kernel distance found", right},
                     {"effective rank of the kernel", right},
                     {"time to find", right},
                     {"time to train", right}};
  const auto points = points_of(study);
  const bool moved =
      std::ranges::any_of(points, [](const auto& entry) { return entry.first.found_on != entry.first.trained_on; });
  for (const auto& [point, runs] : points) {
    summary.rows.push_back({short_name(point.trained_on), moved ? short_name(point.found_on) : "", point.model,
                            point.scope, fmt::format("{:g}", point.density), point.method,
                            percent_text(values_of(runs.trained, [](const Run& run) { return run.test_accuracy(); })),
                            fmt::format("{}", std::max(runs.trained.size(), runs.found.size())),
                            cost_text(runs.trained.empty() ? runs.found : runs.trained, files),
                            distance_text(runs.found, files), rank_text(runs.trained, files), seconds_text(runs.found),
                            seconds_text(runs.trained)});
  }
  drop_idle_columns(summary);
  return summary;
}

}  // namespace ntt
