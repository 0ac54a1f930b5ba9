#pragma once

#include <cstdint>

#include "ntt/nn/network.h"

namespace ntt::testing_support {

/// A network of random operators, shapes, strides, groups and readers, masked at random densities from 0 to 1, some of
/// its filters empty: a function of the seed only.
Network random_sparse_network(std::uint64_t seed);

}  // namespace ntt::testing_support
