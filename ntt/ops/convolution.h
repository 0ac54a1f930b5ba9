#pragma once

#include "ntt/core/convolution.h"
#include "ntt/ops/weight_operator.h"

namespace ntt {

/// Convolution (cross-correlation, as PyTorch's) with W [out, channels / groups, kernel...] and b [out] on inputs
/// [channels, height, width] or, in one dimension, [channels, width].
class Convolution : public WeightOperator {
 public:
  /// How Gram multiplies per-example Jacobians: as matrices J = δ Pᵀ, whole or, where that would take too much memory,
  /// some outputs at a time; or by summing over pairs of positions, cheaper where positions are few and weights many.
  enum class GramMethod { automatic, jacobian, slices, position_pairs };

  Convolution(const ConvGeometry& geometry, std::int64_t out_channels, std::size_t dimensions, bool has_bias,
              GramMethod gram_method = GramMethod::automatic);

  const ConvGeometry& geometry() const { return geometry_; }
  std::int64_t multiply_adds() const override { return entries(weight_shape()) * geometry_.positions(); }

  void gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
            at::Tensor& kernel, GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                              ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                              const std::vector<bool>& wants_input) const override;

 protected:
  const WeightProducts& dense() const override { return *dense_; }
  at::Tensor sum_positions(const at::Tensor& values) const override;
  at::Tensor sum_by_output(const at::Tensor& values) const override;
  void add_to_positions(at::Tensor& values, const at::Tensor& terms) const override;
  at::Tensor weight_jacobian(const GramRows& rows) const override;
  GramRows weight_jacobian_adjoint(const GramRows& rows, const at::Tensor& cotangent, bool wants_input) const override;

 private:
  GramMethod choose_method(const GramRows& left, const GramRows& right, const Parameter& weight,
                           ParameterSet set) const;
  /// The weight's part by slices of J, and its adjoint.
  void add_sliced_gram(const GramRows& left, const GramRows& right, at::Tensor& kernel) const;
  GramCotangents sliced_gram_adjoint(const GramRows& left, const GramRows& right, const at::Tensor& cotangent,
                                     bool wants_input) const;
  /// The rows with inputs [n, channels, height, width] and deltas [n, k, out, out_height, out_width].
  GramRows as_images(const GramRows& rows) const;

  ConvGeometry geometry_;
  GramMethod gram_method_;
  std::unique_ptr<const WeightProducts> dense_;
};

}  // namespace ntt
