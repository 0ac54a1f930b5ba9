#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "ntt/core/observer.h"
#include "ntt/experiment/store.h"

namespace ntt {

struct RunnerOptions {
  std::filesystem::path program;  ///< `ntt` itself
  std::filesystem::path folder;   ///< of the experiment; each job's run folder is its name below it
  int processes = 1;              ///< at once, with one thread each
  Observer* observer = &Observer::none();
};

/// Calls the program for one job after another, several at once, until none is left that could be begun; `finished` is
/// told of each. A job that fails is recorded with its last words and the rest goes on. A job that was stopped
/// half-way, by the observer or with this process, goes on from its checkpoint when it is run again. Throws Interrupted
/// where the observer asks to stop, once all jobs have saved their state.
void run_jobs(JobStore& store, const RunnerOptions& options, const std::function<void(const JobRecord&)>& finished);

/// Seconds that the jobs still to be done will take on so many processes, from the mean of the finished ones of their
/// stage; less than 0 where none of some stage is finished.
double seconds_left(const std::vector<JobRecord>& jobs, int processes);

}  // namespace ntt
