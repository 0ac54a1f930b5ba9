#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/nn/network.h"

namespace ntt {

/// What batch norm with running statistics is: factor x + shift for each channel, float64 [channels].
struct ChannelAffine {
  at::Tensor factor;  ///< s = γ / √(σ² + ε)
  at::Tensor shift;   ///< β - s μ
};

/// Of a node of the network's, whose type is batch-norm.
ChannelAffine channel_affine(const Network& network, const Node& norm);

/// The network as it runs inference: batch norm becomes part of the convolution or linear layer before it, whose result
/// nobody else reads: W' = s W and b' = s (b - μ) + β for the scale s = γ / √(σ² + ε) of each output channel (Jacob et
/// al., CVPR 2018, section 3.2). Masks stay. Values that did not change are shared with the network.
Network fold_batch_norm(const Network& network);

}  // namespace ntt
