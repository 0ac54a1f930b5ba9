#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// |w| · ∂R/∂|w|, where R is the sum of the outputs for an input of ones once every weight and bias is replaced by its
/// magnitude: the flow of magnitudes through a weight (Tanaka et al., "Pruning neural networks without any data by
/// iteratively conserving synaptic flow", NeurIPS 2020, eq. 2 and algorithm 1). In float64: R is a product over layers.
NTT_API Scores synflow_scores(const Network& network);

}  // namespace ntt
