#pragma once

#include "ntt/nn/network.h"

namespace ntt {

/// The network as it runs inference: batch norm becomes part of the convolution or linear layer before it, whose result
/// nobody else reads: W' = s W and b' = s (b - μ) + β for the scale s = γ / √(σ² + ε) of each output channel (Jacob et
/// al., CVPR 2018, section 3.2). Masks stay. Values that did not change are shared with the network.
Network fold_batch_norm(const Network& network);

/// Gives weights that have zeros but no mask, as networks that others pruned do, the mask of what is not zero.
NTT_API void mask_zeros(Network& network);

}  // namespace ntt
