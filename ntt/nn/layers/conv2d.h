#pragma once

#include "ntt/core/convolution.h"
#include "ntt/nn/weight_layer.h"

namespace ntt {

/// Two-dimensional convolution (cross-correlation, as PyTorch's) with W [out, channels, kernel, kernel] and b [out], on
/// inputs [channels, height, width] of one size.
class Conv2d : public WeightLayer {
 public:
  /// How Gram multiplies per-example Jacobians: as matrices J = δ Pᵀ, or by summing over pairs of positions, cheaper
  /// where positions are few and weights many.
  enum class GramMethod { automatic, jacobian, position_pairs };

  Conv2d(const std::string& name, std::int64_t out_channels, ConvGeometry geometry,
         GramMethod gram_method = GramMethod::automatic);

  Shape output_shape(const Shape& input) const override;
  void gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
            GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                              const at::Tensor& cotangent, const GramCache& cache, bool want_input) const override;

 private:
  bool counts_active_only(ParameterSet parameters) const;
  bool sums_position_pairs(const GramRows& left, ParameterSet parameters) const;
  /// Flat places [kept] of the kept weights, int64.
  at::Tensor kept_places() const;
  /// The Jacobian by the counted weights as a matrix [n*k, weights].
  at::Tensor jacobian(const GramRows& rows, ParameterSet parameters) const;
  /// From the cotangent [n*k, weights] of the Jacobian to those of its rows.
  GramRows jacobian_adjoint(const GramRows& rows, ParameterSet parameters, const at::Tensor& cotangent,
                            bool want_input) const;

  std::int64_t out_channels_;
  ConvGeometry geometry_;
  GramMethod gram_method_;
};

}  // namespace ntt
