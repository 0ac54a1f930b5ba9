#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "ntt/graph/graph.h"

namespace ntt {

/// The nodes of a graph with what each takes, aligned, and their sums.
std::string node_table(const Graph& graph);
/// The same: {"model", "input", "nodes": [...], "total": {...}}.
nlohmann::json node_record(const Graph& graph);

/// Every type of node, as the Markdown table of docs/operators.md.
std::string operator_table();

}  // namespace ntt
