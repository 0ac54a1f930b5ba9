#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ntt/experiment/store.h"

namespace ntt {

/// One run that a report is about: a job of an experiment, or a run folder of its own.
struct Run {
  JobRecord record;              ///< what it was and what became of it
  std::filesystem::path folder;  ///< its run folder
  std::string found_on;          ///< the data set that the network it trains was found on; its own for other stages
  std::string command;           ///< that repeats it

  const Job& job() const { return record.job; }
  bool done() const { return record.state == JobState::done; }
  bool trained() const { return done() && job().stage == "train"; }
  bool dense() const { return job().method == "dense"; }
  /// The mean of the last evaluations, where that is recorded, else the last; NaN where there is none.
  double test_accuracy() const;
};

/// All that a report is about.
struct Study {
  std::string name;  ///< the folder's
  std::filesystem::path folder;
  std::vector<Run> runs;  ///< in the order of the experiment, else by name
};

/// Reads the runs of an experiment's folder, of one run folder, or of a folder whose sub-folders are run folders.
/// InputError where the folder is none of these, or where nothing in it is finished.
Study read_study(const std::filesystem::path& folder);

/// "fashion-mnist" of "/data/fashion-mnist": what a data set is called in titles.
std::string short_name(const std::string& data);

}  // namespace ntt
