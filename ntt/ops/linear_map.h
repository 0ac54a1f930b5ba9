#pragma once

#include "ntt/ops/operator.h"

namespace ntt {

/// An operator without parameters that is linear in its inputs: sweeps 1 and 3 are one map, 2 and 4 its transpose.
class LinearMap : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;

 protected:
  /// The map on rows [R, in...] of each input, not all of them undefined: [R, out...], contiguous.
  virtual at::Tensor apply(const Tensors& inputs) const = 0;
  /// Its transpose on rows [R, out...]: [R, in...] for each input, contiguous; those not wanted may be undefined.
  virtual Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& wanted) const = 0;
};

}  // namespace ntt
