#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// w · Hg with g = ∂L/∂w over all weights, H the Hessian of L and L the mean cross-entropy over inputs [N, ...] with
/// labels int64 [N]: weights go whose removal, to first order, raises the gradient's norm most, that is with the
/// largest -w · Hg (Wang et al., "Picking winning tickets before training by preserving gradient flow", ICLR 2020, eq.
/// 8). Biases take no part in g.
NTT_API Scores grasp_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels);

}  // namespace ntt
