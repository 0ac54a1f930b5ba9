#pragma once

#include <CLI/App.hpp>

#include "ntt/find/find.h"

namespace ntt {

/// Options of one step of NTT, which `transfer` and `bench step` share: density, scope, kernel, and how it is fitted.
void add_step_options(CLI::App& subcommand, FindOptions& options);

/// `--scope`.
void add_scope_option(CLI::App& subcommand, Scope& scope);

/// How a student is fitted, which `prune` takes as well: probes, pairs, parameters, learning rate, kernel weight, mask
/// interval, density schedule.
void add_fitting_options(CLI::App& subcommand, FindOptions& options);

/// `--batch-size`.
void add_batch_size_option(CLI::App& subcommand, TransferOptions& options);

/// Options of a whole run that a single step does not have: batch size, epochs, steps, weight decay, initial mask,
/// held-out share, evaluation interval.
void add_length_options(CLI::App& subcommand, FindOptions& options);

}  // namespace ntt
