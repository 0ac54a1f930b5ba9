#pragma once

#include "ntt/nn/weight_layer.h"

namespace ntt {

/// y = x Wᵀ + b, with W [out, in] and b [out].
class Linear : public WeightLayer {
 public:
  /// @param name prefix of the parameters' names: "fc1" gives "fc1.weight" and "fc1.bias"
  Linear(const std::string& name, std::int64_t in_features, std::int64_t out_features);

  Shape output_shape(const Shape& input) const override;
  /// All parameters: (a aᵀ + 1) ⊙ δ δᵀ; active ones: the Jacobian at the kept weights times its transpose, plus δ δᵀ.
  void gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
            GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                              const at::Tensor& cotangent, const GramCache& cache, bool want_input) const override;

 private:
  std::int64_t in_features_;
  std::int64_t out_features_;
};

}  // namespace ntt
