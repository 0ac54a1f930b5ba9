#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ntt/core/observer.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/toml_options.h"

namespace ntt {

/// What a run was asked to do.
struct RunRequest {
  std::string command;              ///< "transfer"
  std::vector<TomlOption> options;  ///< defaults included; what depends on the network gets its value by fill_in()
  std::uint64_t seed = 0;
  std::filesystem::path out;  ///< the run folder; empty: nothing is written
  bool resume = false;        ///< go on from the folder's checkpoint
};

/// The folder of a run that is about to start. Destroyed by an exception, it takes back what it made if the run wrote
/// nothing else there.
class OpenRun {
 public:
  /// Sees that the run folder can be written and holds no other run, removes what a killed run left half-written there,
  /// and writes config.toml. InputError where a finished run is there, or a checkpoint that is not to be resumed, or
  /// where there is no run to resume or one with other options (threads, device, out, json, checkpoint-seconds and
  /// tensorboard may differ). A run stopped before its first checkpoint is begun again, of which the observer is told.
  OpenRun(const RunRequest& request, Observer& observer);
  ~OpenRun();
  OpenRun(const OpenRun&) = delete;
  OpenRun& operator=(const OpenRun&) = delete;

  /// Whether to go on from the folder's checkpoint.
  [[nodiscard]] bool resume() const { return resume_; }

 private:
  RunFolder folder_;
  bool resume_ = false;
  bool made_folder_ = false;
  bool made_config_ = false;
  int exceptions_;
};

/// The record that every result.json starts from: what, options (as resolved), seed, seconds, ms_per_step, versions,
/// processor, threads, time.
nlohmann::json result_record(const RunRequest& request, double seconds, double ms_per_step);

}  // namespace ntt
