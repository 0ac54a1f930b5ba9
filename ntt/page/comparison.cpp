#include "ntt/page/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

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

std::vector<Comparison> compare(const Study& study) {
  std::vector<Comparison> comparisons;
  for (const Run& run : study.runs) {
    if (run.trained() && !run.dense()) {
      find_or_add(comparisons, run).sparse.push_back(&run);
    }
  }
  for (const Run& run : study.runs) {
    if (!run.trained() || !run.dense()) {
      continue;
    }
    bool shared = false;
    for (Comparison& comparison : comparisons) {
      if (comparison.trained_on == run.job().data && comparison.found_on == run.found_on &&
          comparison.model == run.job().model) {
        comparison.dense.push_back(&run);
        shared = true;
      }
    }
    if (!shared) {
      find_or_add(comparisons, run).dense.push_back(&run);
    }
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
