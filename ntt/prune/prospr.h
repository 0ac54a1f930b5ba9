#pragma once

#include "ntt/core/api.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// How ProsPr looks ahead; as its authors did.
struct ProsprOptions {
  std::int64_t steps = 3;      ///< K
  double learning_rate = 0.1;  ///< η
};

/// |∂L_K(θ_K)/∂c| where θ_0 = c ⊙ θ with c = 1, θ_{k+1} = θ_k - η ∂L_k(θ_k)/∂θ_k, and L_k is the mean cross-entropy
/// over the k-th of K + 1 equal parts of inputs [N, ...] with labels int64 [N]: what removing a weight would do to the
/// loss once the network has been trained a little (Alizadeh et al., "Prospect pruning", ICLR 2022). The derivative
/// goes through the steps, Hessians included: v_K = ∂L_K/∂θ_K and v_k = v_{k+1} - η H_k v_{k+1}. Pruned weights do not
/// move. InputError where there are fewer than K + 1 inputs.
NTT_API Scores prospr_scores(const Network& network, const at::Tensor& inputs, const at::Tensor& labels,
                             const ProsprOptions& options = {});

}  // namespace ntt
