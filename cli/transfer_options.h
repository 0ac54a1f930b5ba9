#pragma once

#include <CLI/App.hpp>

#include "ntt/transfer/transfer.h"

namespace ntt {

/// Options of one step of NTT, which `transfer` and `bench step` share: density, scope, kernel, and how it is fitted.
void add_step_options(CLI::App& subcommand, TransferOptions& options);

/// `--scope`.
void add_scope_option(CLI::App& subcommand, Scope& scope);

/// How a student is fitted, which `prune` takes as well: probes, pairs, parameters, learning rate, kernel weight, mask
/// interval, density schedule.
void add_fitting_options(CLI::App& subcommand, TransferOptions& options);

/// `--batch-size`.
void add_batch_size_option(CLI::App& subcommand, TransferOptions& options);

}  // namespace ntt
