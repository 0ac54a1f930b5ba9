#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Where the density holds: in every layer; over the whole network; or over the network, each layer's share falling
/// with its size as in ERK, by (out + in + kernel height + kernel width) / (out · in · kernel height · kernel width)
/// (Evci et al., "Rigging the lottery", ICML 2020, section 3).
enum class Scope { layer, global, erk };

/// "layer", "global" or "erk", and back; InputError for any other word.
NTT_API std::string to_string(Scope scope);
NTT_API Scope parse_scope(const std::string& name);

/// The densities of weights of these shapes that together come to `density` by ERK; none above 1.
NTT_API std::vector<double> erk_densities(const std::vector<Shape>& shapes, double density);

/// One score a weight, for each prunable parameter in the network's order; large scores stay.
using Scores = std::vector<at::Tensor>;

/// The prunable parameters, from input to output.
NTT_API std::vector<Parameter*> prunable_parameters(Network& network);

/// InputError unless 0 < density <= 1.
NTT_API void check_density(double density);

/// Masks the weights whose scores are among the k = int((1 - density) n) smallest, in each layer or over all: kept is
/// what lies above the k-th smallest (Liu & Zenke 2020; ties with it go too). InputError unless 0 < density <= 1.
NTT_API void mask_by_scores(Network& network, const Scores& scores, double density, Scope scope);

/// |w| of the unmasked weights: a pruned weight keeps its value and can return. With batch norm the scale of a layer's
/// weights is free, so that in global scope each layer's are divided by the deviation that Glorot's draw gives it.
NTT_API Scores magnitude_scores(Network& network, Scope scope = Scope::layer);

/// Uniform scores: a random mask. A function of the seed alone.
NTT_API Scores random_scores(Network& network, std::uint64_t seed);

}  // namespace ntt
