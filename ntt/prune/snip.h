#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// |w · ∂L/∂w| with L the mean cross-entropy over inputs [N, ...] with labels int64 [N]: what removing a weight would
/// do to the loss, to first order (Lee et al., "SNIP", ICLR 2019, eq. 6; the normalising sum changes no order).
NTT_API Scores snip_scores(Network& network, const at::Tensor& inputs, const at::Tensor& labels);

/// |w · ∂Σf²/∂w|, summed over inputs [N, ...] and outputs: SNIP with the squared outputs in the loss's place, so that
/// no label is read (Liu & Zenke 2020, "logit-SNIP").
NTT_API Scores logit_snip_scores(Network& network, const at::Tensor& inputs);

}  // namespace ntt
