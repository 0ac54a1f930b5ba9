#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/nn/network.h"

/// The method once more, from libtorch's operations and its autograd alone, to judge the four sweeps by.
namespace ntt::oracle {

/// A network's trained parameters, as Network::parameters lists them, as leaves that autograd follows: effective = mask
/// ⊙ value; and its other parameters, in the graph's order, as constants.
struct Leaves {
  std::vector<at::Tensor> value;
  std::vector<at::Tensor> effective;
  std::vector<at::Tensor> kept;  ///< the mask, or ones
  std::vector<at::Tensor> state;
};

Leaves leaves_of(const Network& network);

/// f(x) [N, C], differentiable in the effective values of the trained parameters.
/// @param state of the parameters that are not trained
at::Tensor forward(const Graph& graph, const std::vector<at::Tensor>& effective, const at::Tensor& inputs,
                   const std::vector<at::Tensor>& state = {}, Statistics statistics = Statistics::running);

/// ∂f_c(x_i)/∂θ [N, C, P], itself differentiable; with active_only the columns of pruned weights are zero.
at::Tensor jacobian(const at::Tensor& outputs, const Leaves& leaves, bool active_only);

/// v_iaᵀ Θ(x_i, x_j) v_jb as [n*k, m*k] from Jacobians [n, C, P], [m, C, P] and probes [n, k, C], [m, k, C].
at::Tensor kernel(const at::Tensor& left, const at::Tensor& left_probes, const at::Tensor& right,
                  const at::Tensor& right_probes);

/// The derivatives of a scalar, themselves differentiable if so asked; zeros where it does not depend on a tensor. The
/// graph is kept.
std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& by,
                                  bool differentiable = false);

}  // namespace ntt::oracle
