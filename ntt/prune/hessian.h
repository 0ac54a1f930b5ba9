#pragma once

#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Adds share · H v to the gradients, with H the Hessian of the mean cross-entropy of a batch by the network's trained
/// parameters (their effective values) and v those of `direction`, a network of the same graph. Batch norm's statistics
/// are constants.
///
/// It comes from the four sweeps: v · ∂L/∂θ is a sum over layers of products of inputs and deltas, as a kernel is.
void add_hessian_product(const Network& network, const Network& direction, const at::Tensor& inputs,
                         const at::Tensor& labels, double share, Gradients& gradients);

}  // namespace ntt
