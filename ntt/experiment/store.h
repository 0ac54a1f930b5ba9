#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/experiment/plan.h"

struct sqlite3;

namespace ntt {

/// The jobs' database in an experiment's folder.
inline constexpr std::string_view kDatabaseFile = "experiment.sqlite";

enum class JobState { waiting, running, done, failed };

std::string to_string(JobState state);

/// A job and what became of it.
struct JobRecord {
  Job job;
  JobState state = JobState::waiting;
  double seconds = 0;     ///< of the finished job
  std::string error;      ///< of a failed one: its last words
  nlohmann::json result;  ///< of one that is done: its result.json
};

/// For each job, the data set on which its network was found: that of the job at the head of those that it needs. A job
/// comes after what it needs.
std::vector<std::string> found_on(const std::vector<JobRecord>& jobs);

/// The jobs of an experiment in one SQLite database. Every change is one transaction, so that processes may share it
/// and any of them may be killed at any moment.
///
/// A running job belongs to a process, known by its number and start time; once that process is gone, the job waits
/// again.
class JobStore {
 public:
  /// Opens the database or makes it; RunError with SQLite's words where it cannot.
  explicit JobStore(const std::filesystem::path& path);
  ~JobStore();
  JobStore(const JobStore&) = delete;
  JobStore& operator=(const JobStore&) = delete;

  /// Adds jobs that are not there yet. One that waits or has failed takes the arguments given now, so that a mended
  /// file mends its jobs; InputError where one that runs or is done has others.
  void add(const std::vector<Job>& jobs);
  /// Takes the first waiting job whose needs are done and marks it as this process's own; nothing where there is none.
  std::optional<Job> claim();
  void finish(const std::string& name, double seconds, const nlohmann::json& result);
  /// Marks the job, and all that need it, as failed.
  void fail(const std::string& name, double seconds, const std::string& error);
  /// Puts a job back that this process gives up unfinished.
  void release(const std::string& name);
  /// Lets failed jobs wait again.
  void retry_failed();
  /// Every job, in the order in which they were added.
  std::vector<JobRecord> all();
  /// The same with null for results: what there is to count and to time, without reading them all.
  std::vector<JobRecord> states();

 private:
  class Statement;

  std::vector<JobRecord> select(const std::string& result);

  void execute(const char* sql);
  void change_arguments(const std::string& name, JobState state, const std::string& arguments);
  void release_orphans();

  sqlite3* database_ = nullptr;
  std::string owner_;
};

}  // namespace ntt
