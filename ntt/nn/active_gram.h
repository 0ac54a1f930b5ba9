#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/nn/layer.h"

namespace ntt {

/// Where each kept weight of a linear layer, in row-major order, reads: its output's delta and its input. int64 [kept].
struct KeptWeights {
  at::Tensor output;
  at::Tensor input;
};

/// kernel += J_left J_rightᵀ, where J [n*k, kept] holds δ_o a_q at the kept weights (o, q) alone: the kernel that
/// drives the training of a masked layer. The cost falls with the density; J is built in pieces of bounded size.
void add_active_gram(const GramRows& left, const GramRows& right, const KeptWeights& kept, at::Tensor& kernel);

/// Adds the transpose's share to the cotangents' deltas and, if wanted, to their inputs (made where undefined).
void add_active_gram_adjoint(const GramRows& left, const GramRows& right, const KeptWeights& kept,
                             const at::Tensor& cotangent, bool want_input, GramCotangents& into);

}  // namespace ntt
