#pragma once

#include "ntt/core/pooling.h"
#include "ntt/nn/layer.h"

namespace ntt {

/// Means over square windows without padding.
class AveragePool : public Layer {
 public:
  explicit AveragePool(PoolGeometry geometry) : geometry_(geometry) {}

  Shape output_shape(const Shape& input) const override;
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;

 private:
  at::Tensor pool(const at::Tensor& images) const;
  at::Tensor spread(const at::Tensor& cotangent, const Tape& tape) const;

  PoolGeometry geometry_;
};

}  // namespace ntt
