#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ntt/graph/graph.h"

namespace ntt {

/// Reads the TOML form (docs/your-own-model.md); InputError naming `origin`, the layer and what is wrong.
Graph parse_network_toml(std::string_view text, const std::string& origin);
Graph read_network_toml(const std::filesystem::path& path);

/// The TOML form, which parse_network_toml takes back.
std::string to_toml(const Graph& graph);

}  // namespace ntt
