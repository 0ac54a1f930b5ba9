#pragma once

#include <functional>

#include "ntt/ops/operator.h"

namespace ntt {

/// y = φ(z), entry by entry: an activation says what φ, φ' and, if it is curved, φ'' are; the sweeps are here.
class Elementwise : public Operator {
 public:
  struct Values {
    at::Tensor output;     ///< φ(z)
    at::Tensor slope;      ///< φ'(z)
    at::Tensor curvature;  ///< φ''(z); undefined where φ'' is zero almost everywhere
  };
  using Function = std::function<Values(const at::Tensor&)>;

  Elementwise(Shape shape, Function function) : Operator(std::move(shape)), function_(std::move(function)) {}

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;

 private:
  Function function_;
};

}  // namespace ntt
