#pragma once

#include "ntt/ops/parametric.h"

namespace ntt {

/// What linear layers and convolutions share: a weight W, a bias b or none, and the four sweeps of y = W x + b in terms
/// of the weight's products.
class WeightOperator : public ParametricOperator {
 public:
  static constexpr std::size_t kWeight = 0;
  static constexpr std::size_t kBias = 1;

  std::vector<ParameterRule> parameters() const override;
  at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const override;
  Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const override;
  at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                              Tensors& gradients) const override;
  Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                          Tensors& gradients) const override;

  at::Tensor jacobian(std::size_t parameter, const GramRows& rows, const NodeParameters& parameters) const override;
  void add_jacobian_adjoint(std::size_t parameter, const GramRows& rows, const NodeParameters& parameters,
                            const at::Tensor& cotangent, const std::vector<bool>& wants_input,
                            GramRows& into) const override;

 protected:
  /// @param weight_shape its first side is the bias's
  WeightOperator(Shape output_shape, Shape weight_shape, bool has_bias)
      : ParametricOperator(std::move(output_shape)), weight_shape_(std::move(weight_shape)), has_bias_(has_bias) {}

  /// Products with all of the weight.
  virtual const WeightProducts& dense() const = 0;
  /// Values [rows, out...] summed over all but rows and output channels: [rows, out].
  virtual at::Tensor sum_positions(const at::Tensor& values) const = 0;
  /// The same summed over rows, too: [out].
  virtual at::Tensor sum_by_output(const at::Tensor& values) const = 0;
  /// The transpose of sum_positions: [n, k, out] added to values [n, k, out...] over all positions.
  virtual void add_to_positions(at::Tensor& values, const at::Tensor& terms) const = 0;
  /// The Jacobian by the weight: [n*k, entries].
  virtual at::Tensor weight_jacobian(const GramRows& rows) const = 0;
  /// Its transpose: delta and, if wanted, input, for the cotangent [n*k, entries].
  virtual GramRows weight_jacobian_adjoint(const GramRows& rows, const at::Tensor& cotangent,
                                           bool wants_input) const = 0;

  bool has_bias() const { return has_bias_; }
  const Shape& weight_shape() const { return weight_shape_; }

 private:
  const WeightProducts& products(const NodeParameters& parameters) const {
    return parameters.products != nullptr ? *parameters.products : dense();
  }

  Shape weight_shape_;
  bool has_bias_;
};

/// Whether a kernel counts only what this parameter's mask keeps.
inline bool counts_active_only(const Parameter& parameter, ParameterSet set) {
  return set == ParameterSet::active && parameter.pattern != nullptr;
}

}  // namespace ntt
