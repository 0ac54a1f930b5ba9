#pragma once

#include "ntt/core/convolution.h"
#include "ntt/ops/parametric.h"

namespace ntt {

/// The weights' part of a convolution's kernel without per-example Jacobians: K[ia, jb] = Σ_{p,q} (P_iᵀ P_j)[p, q]
/// (δ_iaᵀ δ_jb)[p, q] over pairs of positions p of x_i and q of x_j. Works through the pairs of inputs one left input
/// at a time, so memory stays at one row of pairs.
void add_position_pairs_gram(const ConvGeometry& geometry, const GramRows& left, const GramRows& right,
                             at::Tensor& kernel);

/// The transpose of add_position_pairs_gram's derivative.
GramCotangents position_pairs_gram_adjoint(const ConvGeometry& geometry, const GramRows& left, const GramRows& right,
                                           const at::Tensor& cotangent, bool want_input);

}  // namespace ntt
