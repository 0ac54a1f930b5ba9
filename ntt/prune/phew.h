#pragma once

#include <cstdint>

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// Weights in the order in which random walks first come by, the earliest with the largest score (Patil & Dovrolis,
/// "PHEW: constructing sparse networks that learn fast and generalize well without training data", ICML 2021). Walks go
/// in turn from a random input to an output and from a random output to an input; from a unit or channel one takes any
/// of the weights that leave it, those of all kernels, with a probability in proportion to its magnitude. Where several
/// nodes read a value, or a sum has several terms, each is as likely.
///
/// Walks go on until as many weights are met as the density asks for. Where after kHopsEach hops for each weight some
/// were never met, the largest of those come next.
///
/// InputError where a walk cannot follow an operator: units of which it mixes, as in attention.
NTT_API Scores phew_scores(Network& network, double density, Scope scope, std::uint64_t seed);

}  // namespace ntt
