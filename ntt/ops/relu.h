#pragma once

#include "ntt/ops/operator.h"

namespace ntt {

/// max(x, 0), whose slope is read off its output, with φ'(0) = 0: no tensor of slopes is made.
class Relu : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;
};

}  // namespace ntt
