#pragma once

#include "ntt/core/pooling.h"
#include "ntt/ops/operator.h"

namespace ntt {

/// Pooling over windows of images [channels, height, width] or, in one dimension, [channels, width]: maxima or means.
class Pooling : public Operator {
 public:
  enum class Kind { maximum, mean };

  /// @param count_padding whether means count padding as zeros (count_include_pad)
  Pooling(Kind kind, const PoolGeometry& geometry, const Shape& input, bool count_padding);

  Kind kind() const { return kind_; }
  const PoolGeometry& geometry() const { return geometry_; }

  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;

 private:
  /// The map once winners are known, and its transpose: values [n, k, in...] to [n, k, out...] and back.
  at::Tensor pool(const at::Tensor& values, const NodeTape& tape) const;
  at::Tensor spread(const at::Tensor& values, const NodeTape& tape) const;

  Kind kind_;
  PoolGeometry geometry_;
  Shape input_;
  std::int64_t height_;
  std::int64_t width_;
  bool count_padding_;
};

}  // namespace ntt
