#pragma once

#include "ntt/nn/layer.h"

namespace ntt {

/// y = φ(z), entry by entry. A concrete activation says what φ, φ' and, if it is curved, φ'' are; the sweeps are here.
class Elementwise : public Layer {
 public:
  Shape output_shape(const Shape& input) const override { return input; }
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;

 protected:
  struct Values {
    at::Tensor output;     ///< φ(z)
    at::Tensor slope;      ///< φ'(z)
    at::Tensor curvature;  ///< φ''(z); undefined where φ'' is zero almost everywhere
  };
  virtual Values evaluate(const at::Tensor& preactivation) const = 0;
};

}  // namespace ntt
