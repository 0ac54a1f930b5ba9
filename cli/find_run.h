#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/run_support.h"
#include "ntt/find/find.h"
#include "ntt/nn/dense_network.h"

namespace ntt {

/// What `ntt transfer` and `ntt prune` were asked to do.
struct FindCommand {
  CommonOptions common;
  ModelOptions model;
  FindOptions find;
};

/// What they found, and where it was written.
struct FindRun {
  FoundNetwork found;
  std::string data;
  RunFolder folder;
};

/// Finds the network, in the run folder, and writes it there; `provenance` is the command that says how. The published
/// weight decay, where none was given, shows in config.toml.
FindRun run_find(CLI::App& subcommand, FindCommand& command, const std::string& provenance);

/// Writes and returns result.json of the run.
nlohmann::json write_find_result(const CLI::App& subcommand, const FindCommand& command, const FindRun& run);

/// A layer's density for people: "0.03, 7,056 of 235,200".
std::string layer_text(const nlohmann::json& layer);

}  // namespace ntt
