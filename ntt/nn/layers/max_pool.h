#pragma once

#include "ntt/core/pooling.h"
#include "ntt/nn/layer.h"

namespace ntt {

/// Maxima over square windows without padding; of equal values the first counts.
class MaxPool : public Layer {
 public:
  explicit MaxPool(PoolGeometry geometry) : geometry_(geometry) {}

  Shape output_shape(const Shape& input) const override;
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;

 private:
  PoolGeometry geometry_;
};

/// The shape after pooling; InputError if the input is no image or smaller than the window.
Shape pooled_shape(const PoolGeometry& geometry, const Shape& input);

}  // namespace ntt
