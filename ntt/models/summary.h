#pragma once

#include <string>
#include <vector>

#include "ntt/graph/graph.h"

namespace ntt {

/// What a node of a graph takes, for tables and drawings.
struct NodeSummary {
  std::string name;
  std::string type;
  std::vector<std::string> inputs;  ///< the names of the values that it reads
  bool reads_previous = false;      ///< whether that is the node before, or the graph's input for the first, alone
  Shape output;
  std::vector<Shape> weights;      ///< shapes of its parameters that can be pruned
  std::int64_t parameters = 0;     ///< entries of its trained parameters that no node before it has
  std::int64_t prunable = 0;       ///< those that can be pruned
  std::int64_t multiply_adds = 0;  ///< for one input, counting products with weights alone
};

/// The nodes in their order.
std::vector<NodeSummary> summarise(const Graph& graph);

/// The sums over all nodes.
struct GraphTotal {
  std::int64_t parameters = 0;
  std::int64_t prunable = 0;
  std::int64_t multiply_adds = 0;
};

GraphTotal total_of(const std::vector<NodeSummary>& nodes);

}  // namespace ntt
