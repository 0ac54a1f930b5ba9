#pragma once

#include <vector>

#include "ntt/kernel/linearisation.h"

namespace ntt {

/// kernel [n_left*k, n_right*k] += the part of all parameters of the nodes marked as tied, by their whole Jacobians.
/// The Jacobian by a parameter is the sum over its uses, so that its part has cross terms between nodes.
void add_tied_gram(const Network& network, const std::vector<bool>& tied, const Side& left, const Side& right,
                   ParameterSet set, at::Tensor& kernel);

/// The transpose of its derivative: for each of those nodes, the cotangents of its rows.
std::vector<GramCotangents> tied_gram_adjoint(const Network& network, const std::vector<bool>& tied, const Side& left,
                                              const Side& right, ParameterSet set, const at::Tensor& cotangent);

/// What a side of a kernel sees of a node.
GramRows rows_of(const NodeTape& tape, const Side& side);

}  // namespace ntt
