#pragma once

#include <string>
#include <vector>

#include "ntt/nn/network.h"

namespace ntt {

/// A network whose sparse execution is timed: a whole model, or one of its layers alone.
struct SparseCase {
  std::string name;  ///< "conv-4", "conv-4 conv2"
  std::string kind;  ///< "model", "linear" or "convolution"
  Graph inference;   ///< what answers
  Graph training;    ///< what is trained: the same or, of a layer, with others around it
};

SparseCase model_case(const std::string& model);

/// Each linear layer and convolution of a model as a network of its own; a convolution is followed by an average over
/// its positions. For training there are layers of a few weights around it: "feed", a linear layer or 1 x 1 convolution
/// of one input, before each layer that has others before it, so that the derivative by its inputs is worked out too,
/// and "read", a linear layer of one output, so that the loss costs nothing.
std::vector<SparseCase> layer_cases(const std::string& model);

/// Draws a network with random masks of this density on every layer but "feed" and "read".
Network draw_masked(const Graph& graph, double density, std::uint64_t seed);

}  // namespace ntt
