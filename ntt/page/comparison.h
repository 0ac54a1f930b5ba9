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
  std::vector<const Run*> sparse;  ///< finished trainings
  std::vector<const Run*> dense;   ///< finished trainings of the dense network, which all scopes and densities share

  /// "Fashion-MNIST, lenet-300-100, layer"
  std::string title() const;
  /// Ends the ids of its figures.
  std::string id() const;
  /// Every density of a sparse network, rising.
  std::vector<double> densities() const;
};

/// The comparisons that finished trainings allow, in the order in which they appear.
std::vector<Comparison> compare(const Study& study);

/// Runs of each method.
ByMethod<std::vector<const Run*>> by_method(const std::vector<const Run*>& runs);

/// Those of one density.
std::vector<const Run*> at_density(const std::vector<const Run*>& runs, double density);

/// The mean of what the runs have; NaNs are left out, and so is the whole where nothing is left.
std::vector<double> values_of(const std::vector<const Run*>& runs, const std::function<double(const Run&)>& value);

}  // namespace ntt
