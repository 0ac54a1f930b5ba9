#pragma once

#include <ATen/core/Tensor.h>

#include <CLI/App.hpp>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ntt/core/device.h"
#include "ntt/data/loaded.h"
#include "ntt/io/open_run.h"
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

/// Loads the data set, or the classes of it, that the options name, and logs what it holds. Its inputs are standardised
/// by its own mean and deviation or, for a network that says so, by those of the network; that too is logged, where
/// they differ.
LoadedData load_data(const CommonOptions& options, at::Device device, const DataFormat& network = {});

/// What a network made on these data takes and tells apart.
DataFormat format_of(const LoadedData& data);

/// What the sub-command was asked to do, as its run folder and its record have it.
RunRequest request_of(const CLI::App& subcommand, const CommonOptions& options);

/// Prints to stdout the record (`--json`) or the rows as an aligned table without titles.
void print_result(const CommonOptions& options, const nlohmann::json& record,
                  const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace ntt
