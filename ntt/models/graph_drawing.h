#pragma once

#include <string>

#include "ntt/graph/graph.h"

namespace ntt {

/// A graph in Graphviz's language: a row for each node, with its name, type and output's shape, those with weights
/// coloured. Nodes that follow one another, with weights in the first alone, share a box.
std::string to_dot(const Graph& graph);

/// The same drawn by Graphviz. RunError saying how to install it where it is not there, or with its words where it
/// fails.
std::string draw_svg(const Graph& graph);

}  // namespace ntt
