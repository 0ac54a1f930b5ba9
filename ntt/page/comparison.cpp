#include "ntt/page/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "ntt/page/figure.h"

namespace ntt {
namespace {

Comparison& find_or_add(std::vector<Comparison>& comparisons, const Run& run) {
  const Job& job = run.job();
  for (Comparison& other : comparisons) {
    if (other.trained_on == job.data && other.found_on == run.found_on && other.model == job.model &&
        other.scope == job.scope) {
      return other;
    }
  }
  return comparisons.emplace_back(Comparison{job.data, run.found_on, job.model, job.scope, {}, {}});
}

/// Sparse runs by what they have in common, and the dense ones where they belong.
std::vector<Comparison> group(const std::vector<const Run*>& runs) {
  std::vector<Comparison> comparisons;
  for (const Run* run : runs) {
    if (!run->dense()) {
      find_or_add(comparisons, *run).sparse.push_back(run);
    }
  }
  for (const Run* run : runs) {
    if (!run->dense()) {
      continue;
    }
    bool shared = false;
    for (Comparison& comparison : comparisons) {
      if (comparison.trained_on == run->job().data && comparison.found_on == run->found_on &&
          comparison.model == run->job().model) {
        comparison.dense.push_back(run);
        shared = true;
      }
    }
    if (!shared) {
      find_or_add(comparisons, *run).dense.push_back(run);
    }
  }
  return comparisons;
}

}  // namespace

std::string Comparison::title() const {
  const std::string found = found_on == trained_on ? "" : fmt::format(", masks found on {}", short_name(found_on));
  return fmt::format("{}{}, {}, density by {}", short_name(trained_on), found, model,
                     scope == "global" ? "network" : "layer");
}

std::string Comparison::id() const {
  const std::string found = found_on == trained_on ? "" : fmt::format("-found-on-{}", short_name(found_on));
  return slug(fmt::format("{}{}-{}-{}", short_name(trained_on), found, model, scope));
}

std::vector<double> Comparison::densities() const {
  std::set<double> all;
  for (const Run* run : sparse) {
    all.insert(run->job().density);
  }
  return {all.begin(), all.end()};
}

std::string Comparison::seeds_text(const char* intervals) const {
  std::size_t most = 0;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto& [method, runs] : by_method(sparse)) {
    for (const double density : densities()) {
      if (const std::size_t seeds = at_density(runs, density).size(); seeds > 0) {
        most = std::max(most, seeds);
        least = std::min(least, seeds);
      }
    }
  }
  if (sparse.empty()) {
    most = least = dense.size();
  }
  if (most < 2) {
    return "One seed, so there is no interval.";
  }
  const std::string seeds = least == most ? fmt::format("{}", most) : fmt::format("{} to {}", least, most);
  return intervals == nullptr
             ? fmt::format("Means over {} seeds; the CSV file has their 95 % intervals (Student's t).", seeds)
             : fmt::format("Means over {} seeds; {} are 95 % intervals (Student's t).", seeds, intervals);
}

std::vector<Comparison> compare(const Study& study) {
  std::vector<const Run*> trained;
  for (const Run& run : study.runs) {
    if (run.trained()) {
      trained.push_back(&run);
    }
  }
  return group(trained);
}

std::vector<Comparison> found_networks(const Study& study) {
  const auto key = [](const Run& run) {
    const Job& job = run.job();
    return std::tuple(run.found_on, job.model, job.scope, job.method, job.density, job.seed);
  };
  std::vector<const Run*> networks;
  std::set<decltype(key(study.runs.front()))> seen;
  for (const bool trained : {false, true}) {
    for (const Run& run : study.runs) {
      if (run.done() && run.trained() == trained && seen.insert(key(run)).second) {
        networks.push_back(&run);
      }
    }
  }
  std::vector<Comparison> comparisons = group(networks);
  for (Comparison& comparison : comparisons) {
    comparison.trained_on = comparison.found_on;
  }
  return comparisons;
}

ByMethod<std::vector<const Run*>> by_method(const std::vector<const Run*>& runs) {
  ByMethod<std::vector<const Run*>> methods;
  for (const Run* run : runs) {
    methods[run->job().method].push_back(run);
  }
  return methods;
}

std::vector<const Run*> at_density(const std::vector<const Run*>& runs, double density) {
  std::vector<const Run*> chosen;
  std::ranges::copy_if(runs, std::back_inserter(chosen), [&](const Run* run) { return run->job().density == density; });
  return chosen;
}

std::vector<double> values_of(const std::vector<const Run*>& runs, const std::function<double(const Run&)>& value) {
  std::vector<double> values;
  for (const Run* run : runs) {
    if (const double one = value(*run); std::isfinite(one)) {
      values.push_back(one);
    }
  }
  return values;
}

}  // namespace ntt
