#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// θ² · ∂R/∂θ² with R = Σ_i Σ_c z1_c(x_i) z2_c (Iurada et al., "Finding lottery tickets in vision models via
/// data-driven spectral foresight pruning", CVPR 2024, Path eXclusion), a bound on the trace of the tangent kernel of a
/// network of ReLUs as a sum over its paths from inputs [N, ...] to outputs:
///
///     z1   the squared inputs through the network with every kept weight 1 and the ReLUs (and winners of max-pools)
///     that
///          are open for x_i in the network itself: which paths the data take
///     z2   ones through the network with every kept weight squared, all paths open: how much weight paths have
///
/// Paths begin at inputs, so that biases and shifts are 0 in both; batch norms have mean 0, variance 1 and the scale
/// that a weight would have. An activation that is no ReLU passes z1 on by its derivative. In float64, because both are
/// products over layers.
NTT_API Scores px_scores(const Network& network, const at::Tensor& inputs);

}  // namespace ntt
