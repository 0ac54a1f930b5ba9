#pragma once

#include "ntt/nn/layer.h"

namespace ntt {

/// [channels, height, width] to [channels*height*width], in that order.
class Flatten : public Layer {
 public:
  Shape output_shape(const Shape& input) const override;
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;
};

}  // namespace ntt
