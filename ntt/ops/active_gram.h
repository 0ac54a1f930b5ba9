#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/ops/parametric.h"

namespace ntt {

/// kernel += J_left J_rightᵀ, where J [n*k, kept] holds δ_o a_q at the weights (o, q) that the pattern keeps: the
/// kernel that drives the training of a masked layer. The cost falls with the density; J is built in pieces of bounded
/// size.
void add_active_gram(const GramRows& left, const GramRows& right, const SparsityPattern& pattern, at::Tensor& kernel);

/// Adds the transpose's share to the cotangents' deltas and, if wanted, to their inputs (made where undefined).
void add_active_gram_adjoint(const GramRows& left, const GramRows& right, const SparsityPattern& pattern,
                             const at::Tensor& cotangent, bool want_input, GramCotangents& into);

}  // namespace ntt
