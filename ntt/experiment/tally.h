#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ntt/experiment/store.h"

namespace ntt {

/// A point of an experiment's grid but for its seed.
struct GridPoint {
  std::string data;      ///< trained on
  std::string found_on;  ///< and where its networks were found
  std::string model;
  std::string method;
  std::string scope;
  double density;

  /// The order in which points are shown: densities fall.
  bool operator<(const GridPoint& other) const;
};

/// The jobs of one point.
struct Tally {
  std::int64_t jobs = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::vector<double> accuracies;   ///< of each finished training on the test set
  std::vector<double> validations;  ///< and on its held-out inputs, where it has any
};

std::map<GridPoint, Tally> tallies_of(const std::vector<JobRecord>& records);

/// Mean test accuracy over the last evaluations, out of a training's result.json; NaN of any other.
double test_accuracy(const nlohmann::json& result);

/// How many jobs are in that state.
std::int64_t count(const std::vector<JobRecord>& records, JobState state);

/// What `ntt experiment status --json` prints: every job, how many are in which state, and the seconds left for so many
/// processes, null where not known.
nlohmann::json status_record(const std::vector<JobRecord>& records, int processes);

}  // namespace ntt
