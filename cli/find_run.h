#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/run_support.h"
#include "ntt/find/run.h"
#include "ntt/nn/dense_network.h"

namespace ntt {

/// What `ntt transfer` and `ntt prune` were asked to do.
struct FindCommand {
  CommonOptions common;
  ModelOptions model;
  FindOptions find;
};

/// Finds the network, in the run folder, and writes it there; `provenance` is the command that says how.
FindRun run_find(const CLI::App& subcommand, FindCommand& command, const std::string& provenance);

/// A layer's density for people: "0.03, 7,056 of 235,200".
std::string layer_text(const nlohmann::json& layer);

}  // namespace ntt
