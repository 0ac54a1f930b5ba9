#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ntt/page/run.h"
#include "ntt/page/statistics.h"
#include "ntt/page/style.h"

namespace ntt {

struct MethodOrder {
  bool operator()(const std::string& a, const std::string& b) const { return method_before(a, b); }
};
/// One thing a method, in the order of legends.
template <typename Value>
using ByMethod = std::map<std::string, Value, MethodOrder>;

/// Runs that may be compared: all but method, density and seed are the same.
struct Comparison {
  std::string trained_on;
  std::string found_on;
  std::string model;
  std::string scope;
  std::vector<const Run*> sparse;
  std::vector<const Run*> dense;  ///< which all scopes and densities share

  /// "Fashion-MNIST, lenet-300-100, layer"
  std::string title() const;
  /// Ends the ids of its figures.
  std::string id() const;
  /// Of how many seeds the means are, and how their intervals are drawn: "bars", "bands" or, null, not at all.
  std::string seeds_text(const char* intervals) const;
  /// Every density of a sparse network, rising.
  std::vector<double> densities() const;
};

/// The comparisons that finished trainings allow, in the order in which they appear.
std::vector<Comparison> compare(const Study& study);

/// The networks that may be compared before any training: one run for each that was found or, where the folder of its
/// search is not there, trained.
std::vector<Comparison> found_networks(const Study& study);

/// Runs of each method.
ByMethod<std::vector<const Run*>> by_method(const std::vector<const Run*>& runs);

/// Those of one density.
std::vector<const Run*> at_density(const std::vector<const Run*>& runs, double density);

/// What the runs have; values that are not finite are left out.
std::vector<double> values_of(const std::vector<const Run*>& runs, const std::function<double(const Run&)>& value);

}  // namespace ntt
