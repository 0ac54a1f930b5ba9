#include "ntt/experiment/tally.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "ntt/experiment/runner.h"

namespace ntt {
namespace {

double validation_accuracy(const nlohmann::json& result) {
  const nlohmann::json::json_pointer where("/figures/validation_accuracy");
  const bool is_there = result.is_object() && result.contains(where) && result[where].is_number();
  return is_there ? result[where].get<double>() : NAN;
}

}  // namespace

bool GridPoint::operator<(const GridPoint& other) const {
  return std::tie(data, found_on, model, scope, other.density, method) <
         std::tie(other.data, other.found_on, other.model, other.scope, density, other.method);
}

std::map<GridPoint, Tally> tallies_of(const std::vector<JobRecord>& records) {
  std::map<GridPoint, Tally> tallies;
  const std::vector<std::string> found = found_on(records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const JobRecord& record = records[i];
    const Job& job = record.job;
    Tally& tally = tallies[{job.data, found[i], job.model, job.method, job.scope, job.density}];
    ++tally.jobs;
    tally.done += record.state == JobState::done ? 1 : 0;
    tally.failed += record.state == JobState::failed ? 1 : 0;
    if (job.stage == "train" && record.state == JobState::done) {
      tally.accuracies.push_back(test_accuracy(record.result));
      if (const double validation = validation_accuracy(record.result); !std::isnan(validation)) {
        tally.validations.push_back(validation);
      }
    }
  }
  return tallies;
}

double test_accuracy(const nlohmann::json& result) {
  const nlohmann::json::json_pointer where("/figures/mean_test_accuracy_of_last_ten");
  return result.is_object() ? result.value(where, NAN) : NAN;
}

std::int64_t count(const std::vector<JobRecord>& records, JobState state) {
  return std::ranges::count(records, state, &JobRecord::state);
}

nlohmann::json status_record(const std::vector<JobRecord>& records, int processes) {
  nlohmann::json jobs = nlohmann::json::array();
  for (const JobRecord& record : records) {
    jobs.push_back({{"name", record.job.name},
                    {"stage", record.job.stage},
                    {"state", to_string(record.state)},
                    {"seconds", record.seconds},
                    {"error", record.error}});
  }
  const double left = seconds_left(records, processes);
  return {{"what", "experiment"},
          {"jobs", jobs},
          {"done", count(records, JobState::done)},
          {"failed", count(records, JobState::failed)},
          {"running", count(records, JobState::running)},
          {"waiting", count(records, JobState::waiting)},
          {"seconds_left", left < 0 ? nlohmann::json() : nlohmann::json(left)}};
}

}  // namespace ntt
