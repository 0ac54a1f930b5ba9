#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "cli/model_options.h"
#include "cli/run_support.h"
#include "ntt/nn/network.h"
#include "ntt/transfer/transfer.h"

namespace ntt {

/// What `ntt transfer` was asked to do; `ntt demo` asks for the same.
struct TransferCommand {
  CommonOptions common;
  ModelOptions model;
  TransferOptions transfer;
  std::optional<double> weight_decay;  ///< nothing: the published one for the kind of network
};

/// A student, its teacher, and how it was found.
struct FoundNetwork {
  Network teacher;
  Network student;
  TransferResult result;
};

/// Options of a whole run that a single step does not have: batch size, epochs, steps, weight decay, initial mask,
/// held-out share, evaluation interval.
void add_length_options(CLI::App& subcommand, TransferCommand& command);

/// The published λ_2: 1e-4, for networks with convolutions 1e-5.
double published_weight_decay(const Graph& graph);

/// Checks and fills in what depends on the network; what is filled in shows in config.toml. InputError for more probes
/// than classes.
void settle_transfer(CLI::App& subcommand, TransferCommand& command, const Graph& graph, std::int64_t classes);

/// Moves a student of the teacher towards it; the run's metrics and checkpoints go to command.transfer.out.
FoundNetwork find_sparse_network(Network teacher, const LoadedData& data, TransferCommand& command);

}  // namespace ntt
