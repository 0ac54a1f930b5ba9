#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/nn/sweeps.h"
#include "ntt/ops/parametric.h"

namespace ntt {

/// A network around one batch: sweeps 1 and 2 done, ready for kernels between its inputs.
struct Linearisation {
  at::Tensor outputs;  ///< f(x) [N, C]
  at::Tensor probes;   ///< [N, k, C]
  Tape tape;

  std::int64_t inputs() const { return probes.size(0); }
  std::int64_t probe_count() const { return probes.size(1); }
};

/// Runs the forward sweep on inputs [N, ...] and the pullback of probes [N, k, C]; with k = 0 the forward sweep alone.
Linearisation linearise(const Network& network, const at::Tensor& inputs, const at::Tensor& probes,
                        Statistics statistics = Statistics::running);

/// Some inputs of a linearised batch: one side of a kernel.
struct Side {
  Linearisation* batch;
  std::int64_t first;
  std::int64_t count;
};

/// What a kernel leaves for kernel_adjoint, an entry a node.
using KernelCache = std::vector<GramCache>;

/// K [n_left*k, n_right*k] with K[ia, jb] = v_iaᵀ Θ(x_i, x_j) v_jb, the network's empirical tangent kernel seen through
/// the probes: Θ(x, x')[c, c'] = ⟨∂f_c(x)/∂θ, ∂f_c'(x')/∂θ⟩ (Jacot et al., NeurIPS 2018). Costs k pullbacks an input
/// and one Gram matrix a node with parameters; of parameters that several nodes share, it counts the sum over their
/// uses. Fills the cache, if given.
at::Tensor kernel(const Network& network, const Side& left, const Side& right, ParameterSet parameters,
                  KernelCache* cache = nullptr);

/// Sweeps 3 and 4: from the derivative of a loss by kernel(left, right) and by the batch's outputs [N, C] (undefined:
/// zero), to that by the parameters, which is added to the gradients. The sides are the whole batch twice, or its
/// first inputs and the rest. Each node's cotangents are made from `cotangent` [n_left*k, n_right*k], which
/// must be symmetric where the sides are one.
void kernel_adjoint(const Network& network, Linearisation& batch, const Side& left, const Side& right,
                    ParameterSet parameters, const KernelCache& cache, const at::Tensor& cotangent,
                    const at::Tensor& outputs_cotangent, Gradients& gradients);

}  // namespace ntt
