#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"

namespace ntt {

/// What one layer with weights costs: to keep, and to answer one input.
struct NTT_API LayerCost {
  std::string name;                 ///< "conv1"
  std::vector<std::int64_t> shape;  ///< of the weight
  Shape input;                      ///< what the layer is given of one input of the network
  Shape output;                     ///< what it makes of that
  std::int64_t weights = 0;         ///< all of them
  std::int64_t kept = 0;            ///< those that the mask keeps
  std::int64_t biases = 0;          ///< never pruned
  std::int64_t positions = 0;       ///< how often the weights are applied: height x width of a convolution's output,
                                    ///< tokens of a linear layer; summed over the nodes that share them
  std::int64_t empty_outputs = 0;   ///< outputs or filters of which no weight is kept
  std::int64_t unread_inputs = 0;   ///< inputs or channels that no kept weight reads
  std::int64_t compact_bytes = 0;   ///< in a network file of compact form
  std::int64_t masked_bytes = 0;    ///< in a network file with zeros and a mask

  double density() const { return static_cast<double>(kept) / static_cast<double>(weights); }
  std::int64_t dense_multiply_adds() const { return weights * positions; }
  std::int64_t sparse_multiply_adds() const { return kept * positions; }
  /// float32, as in a network file without masks.
  std::int64_t dense_bytes() const { return 4 * (weights + biases); }
  /// Rows of (column, value) pairs: a 4-byte value and a 4-byte index each, a 4-byte start a row, float32 biases.
  std::int64_t sparse_bytes() const { return 8 * kept + 4 * (shape[0] + 1) + 4 * biases; }
};

/// The costs of every layer with weights, from input to output.
NTT_API std::vector<LayerCost> layer_costs(const Network& network);

/// The sums over all layers.
struct TotalCost {
  std::int64_t weights = 0;
  std::int64_t kept = 0;
  std::int64_t biases = 0;
  std::int64_t dense_multiply_adds = 0;
  std::int64_t sparse_multiply_adds = 0;
  std::int64_t dense_bytes = 0;
  std::int64_t sparse_bytes = 0;
  std::int64_t compact_bytes = 0;
  std::int64_t masked_bytes = 0;
};

NTT_API TotalCost total_cost(const std::vector<LayerCost>& layers);

}  // namespace ntt
