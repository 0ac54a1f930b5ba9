#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"
#include "ntt/ops/parametric.h"

namespace ntt {

/// Inputs of a kernel, and the output directions through which it is seen.
struct KernelInputs {
  at::Tensor inputs;  ///< [N, ...]
  at::Tensor probes;  ///< [N, k, C], such as random_probes; undefined: the unit vectors, which show Θ itself
};

/// A block of the empirical tangent kernel: rows of inputs from `first_left` on, columns from `first_right` on.
struct KernelBlock {
  std::int64_t first_left;
  std::int64_t first_right;
  at::Tensor values;  ///< [n, m, k, k], v_iaᵀ Θ(x_i, x'_j) v'_jb; without probes [n, m, C, C], Θ(x_i, x'_j)[c, c']
};

/// Computes the kernel [N, M, k, k] between left and right block by block and hands each to `visit`, so that neither
/// the kernel nor the Jacobians need fit into memory. Where both sides are the same tensors, Θ(x_j, x_i) is taken from
/// Θ(x_i, x_j)ᵀ. Costs about N·M·k² dot products of the layers' sizes. The network's type is the kernel's: float32 or
/// float64.
/// @param block_inputs inputs on each side of a block
NTT_API void for_each_kernel_block(const Network& network, const KernelInputs& left, const KernelInputs& right,
                                   ParameterSet parameters, std::int64_t block_inputs,
                                   const std::function<void(const KernelBlock&)>& visit);

/// The whole kernel [N, M, k, k], for sizes that fit into memory.
NTT_API at::Tensor empirical_ntk(const Network& network, const KernelInputs& left, const KernelInputs& right,
                                 ParameterSet parameters, std::int64_t block_inputs = 64);

}  // namespace ntt
