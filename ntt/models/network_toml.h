#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ntt/core/api.h"
#include "ntt/graph/graph.h"

namespace ntt {

/// Reads the TOML form (docs/your-own-model.md); InputError naming `origin`, the layer and what is wrong.
NTT_API Graph parse_network_toml(std::string_view text, const std::string& origin);
NTT_API Graph read_network_toml(const std::filesystem::path& path);

/// The TOML form, which parse_network_toml takes back.
NTT_API std::string to_toml(const Graph& graph);

}  // namespace ntt
