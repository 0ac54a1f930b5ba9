#pragma once

#include <memory>

#include "ntt/nn/layers/sequence.h"
#include "ntt/nn/network_spec.h"

namespace ntt {

/// The layers of a network, their sizes inferred from the input on. InputError naming the network and the layer where a
/// shape does not fit or a number is missing or not known.
std::unique_ptr<Sequence> build_layers(const NetworkSpec& spec);

}  // namespace ntt
