#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// |θ · ∂L/∂(m⊙θ)| of every weight θ, pruned ones too, with L the mean cross-entropy of the masked network over inputs
/// [N, ...] with labels int64 [N]: what a weight would do to the sparse network's loss, to first order. A pruned weight
/// can so return in a later round (de Jorge et al., "Progressive skeletonization", ICLR 2021, FORCE).
NTT_API Scores force_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels);

}  // namespace ntt
