#pragma once

#include <cstdint>
#include <string>

#include "cli/run_support.h"
#include "ntt/prune/method.h"

namespace ntt {

/// What the scores of a method are taken on: `samples` training inputs drawn from the seed, with their labels; nothing
/// that the method does not read. `data` gives at most as many as it has.
PruneData pruning_data(const PruneMethod& method, const LoadedData& data, std::int64_t samples, std::uint64_t seed);

/// Writes the dense network as teacher.safetensors and what was made of it as network.safetensors. `provenance` says by
/// which command.
void write_pruned(const RunFolder& folder, const Network& dense, const Network& pruned, const std::string& method,
                  const std::string& data, const std::string& provenance);

/// Warns of each layer of which nothing is left.
void warn_of_empty_layers(const Network& network);

/// [{"name", "weights", "kept", "density"}] of every layer.
nlohmann::json layer_densities(const Network& network);

/// One of these layers for people: "0.03, 7,056 of 235,200".
std::string layer_text(const nlohmann::json& layer);

}  // namespace ntt
