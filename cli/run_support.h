#pragma once

#include <ATen/core/Tensor.h>

#include <CLI/App.hpp>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ntt/data/loaded.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/data_format.h"
#include "ntt/sparse/execution.h"

namespace ntt {

/// What the sub-commands that compute have in common.
struct CommonOptions {
  std::string data = "mnist";         ///< A data set's name or folder.
  std::vector<std::int64_t> classes;  ///< Only these of the data set; empty: all.
  int threads = 0;                    ///< 0: one per processor.
  std::string device = "cpu";
  std::uint64_t seed = 0;
  std::string out;      ///< The run folder.
  bool resume = false;  ///< Go on from the checkpoint in `out`.
  bool json = false;    ///< Results as one JSON object.
};

/// Adds a sub-command whose defaults reach config.toml and whose help ends in `example`.
CLI::App* add_run_command(CLI::App& app, const std::string& name, const std::string& description,
                          const std::string& example);

/// `--data` and `--classes`.
void add_data_option(CLI::App& subcommand, CommonOptions& options);
/// `--threads`, `--device`, `--json` and `--config`.
void add_machine_options(CLI::App& subcommand, CommonOptions& options);
/// `--execution auto|sparse|dense`, with what it says of the command.
void add_execution_option(CLI::App& subcommand, Execution& execution, const std::string& help);
/// `--seed`.
void add_seed_option(CLI::App& subcommand, CommonOptions& options);
/// `--out` (required), `--resume` and `--checkpoint-seconds`, which sets `checkpoint_seconds`.
void add_out_options(CLI::App& subcommand, CommonOptions& options, double& checkpoint_seconds);

/// `--tensorboard`.
void add_tensorboard_option(CLI::App& subcommand, bool& tensorboard);

/// Sets the threads of every parallel part; 0 is one per processor that this process may use.
void apply_threads(int count);
/// "cpu", "cuda" or "cuda:1"; InputError where libtorch or the machine has no such device.
at::Device parse_device(const std::string& name);

/// Loads the data set, or the classes of it, that the options name, and logs what it holds. Its inputs are standardised
/// by its own mean and deviation or, for a network that says so, by those of the network; that too is logged, where
/// they differ.
LoadedData load_data(const CommonOptions& options, at::Device device, const DataFormat& network = {});

/// What a network made on these data takes and tells apart.
DataFormat format_of(const LoadedData& data);

/// The folder of a run that is about to start. Destroyed by an exception, it takes back what it made if the run wrote
/// nothing else there.
class OpenRun {
 public:
  /// Sees that the run folder can be written and holds no other run, removes what a killed run left half-written there,
  /// and writes config.toml. InputError where a finished run is there, or a checkpoint without `--resume`, or where
  /// `--resume` finds no run or one with other options (threads, device, out, json, checkpoint-seconds and tensorboard
  /// may differ). A run stopped before its first checkpoint is begun again.
  OpenRun(const CLI::App& subcommand, const CommonOptions& options);
  ~OpenRun();
  OpenRun(const OpenRun&) = delete;
  OpenRun& operator=(const OpenRun&) = delete;

  [[nodiscard]] const RunFolder& folder() const { return folder_; }
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
nlohmann::json result_record(const std::string& what, const CLI::App& subcommand, const CommonOptions& options,
                             double seconds, double ms_per_step);

/// Prints to stdout the record (`--json`) or the rows as an aligned table without titles.
void print_result(const CommonOptions& options, const nlohmann::json& record,
                  const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace ntt
