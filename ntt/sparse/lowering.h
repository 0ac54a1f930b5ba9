#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "ntt/nn/network.h"
#include "ntt/sparse/activation.h"

namespace ntt {

/// A node, or several that are computed in one go.
struct LoweredStep {
  enum class Kind {
    product,   ///< a linear layer or convolution by its stored weights; batch norm as one of 1 x 1 for each channel
    max_pool,  ///< maxima over windows of images
    mean,      ///< means over all positions of images
    sum,       ///< of two values of one shape
    scale,     ///< of two values of one shape, or of images by one value for each channel
    activate,  ///< an activation that belongs to no other step
    concat,    ///< of images or features along their channels
    dense      ///< by the operator itself
  };

  Kind kind = Kind::dense;
  NodeId node = 0;              ///< of network.execution(); of a product, the one with weights
  std::vector<ValueId> inputs;  ///< of a product: one
  ValueId output = 0;           ///< of the last node
  /// Of a product: what is added to its result before the activation.
  std::optional<ValueId> residual;
  Activation activation;
};

/// A network as steps of inference, by its graph and densities alone: knows nothing of how values lie in memory.
struct Lowered {
  std::vector<LoweredStep> steps;
  /// Of each value of network.execution(): itself or, where it is another one flattened for linear layers, that one.
  std::vector<ValueId> sources;
  bool sequences = false;  ///< values [a, b] are channels of b positions, not features of a tokens
};

/// Which linear layers and convolutions are products by stored weights: all, or those where that is faster than the
/// dense product.
enum class Products { all, where_faster };

Lowered lower(const Network& network, Products products);

/// Whether sparse inference has a kernel for nodes of this type, if not with all of their attributes; others are
/// computed by their own operators.
bool has_sparse_kernel(std::string_view type);

}  // namespace ntt
