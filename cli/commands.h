#pragma once

#include <CLI/App.hpp>

namespace ntt {

/// One function a sub-command, in the file of its name: declares the options and the callback that runs it. Callbacks
/// throw; main turns what they throw into a sentence and an exit code.
void add_transfer_command(CLI::App& app);
void add_prune_command(CLI::App& app);
void add_ablate_command(CLI::App& app);
void add_train_command(CLI::App& app);
void add_rewind_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
void add_run_network_command(CLI::App& app);
void add_experiment_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_kernel_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_bench_sparse_command(CLI::App& bench);  // of `ntt bench`
void add_doctor_command(CLI::App& app);
void add_demo_command(CLI::App& app);
void add_completion_command(CLI::App& app);

}  // namespace ntt
