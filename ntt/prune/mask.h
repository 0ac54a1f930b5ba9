#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/nn/network.h"

namespace ntt {

/// Whether the density holds in every layer or over the whole network.
enum class Scope { layer, global };

/// One score a weight, for each prunable parameter in the network's order; large scores stay.
using Scores = std::vector<at::Tensor>;

/// The prunable parameters, from input to output.
std::vector<Parameter*> prunable_parameters(Network& network);

/// InputError unless 0 < density <= 1.
void check_density(double density);

/// Masks the weights whose scores are among the k = int((1 - density) n) smallest, in each layer or over all: kept is
/// what lies above the k-th smallest (Liu & Zenke 2020; ties with it go too). InputError unless 0 < density <= 1.
void mask_by_scores(Network& network, const Scores& scores, double density, Scope scope);

/// |w| of the unmasked weights: a pruned weight keeps its value and can return.
Scores magnitude_scores(Network& network);

/// Uniform scores: a random mask. A function of the seed alone.
Scores random_scores(Network& network, std::uint64_t seed);

}  // namespace ntt
