#pragma once

#include <cstdint>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"

namespace ntt {

/// The sanity checks of Frankle et al. ("Pruning neural networks at initialization: why are we missing the mark?", ICLR
/// 2021) on a sparse initialisation. Each keeps every layer's number of weights and all biases.
enum class Ablation {
  shuffle,               ///< each layer's mask in a random order; what it newly keeps has the dense network's weight
  shuffle_with_weights,  ///< each layer's masked weights, mask and values together, in a random order
  reinitialise           ///< the mask as it is over newly drawn weights
};

/// Ablates a sparse network in place. `dense` is the one that it was made from; InputError where its parameters have
/// other shapes. `reinitialise` draws as initialisation says. A function of the seed alone.
NTT_API void ablate(Network& sparse, const Network& dense, Ablation what, std::uint64_t seed,
                    Initialisation initialisation = Initialisation::glorot);

}  // namespace ntt
