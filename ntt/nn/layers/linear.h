#pragma once

#include "ntt/nn/layer.h"

namespace ntt {

/// y = x Wᵀ + b, with W [out, in] and b [out].
class Linear : public ParametricLayer {
 public:
  /// @param name prefix of the parameters' names: "fc1" gives "fc1.weight" and "fc1.bias"
  Linear(std::string name, std::int64_t in_features, std::int64_t out_features);

  Shape output_shape(const Shape& input) const override;
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  /// All parameters: (a aᵀ + 1) ⊙ δ δᵀ; active ones: the Jacobian at the kept weights times its transpose, plus δ δᵀ.
  void gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
            GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                              const at::Tensor& cotangent, const GramCache& cache, bool want_input) const override;
  void collect_parameters(std::vector<Parameter*>& into) override;
  void initialise(RandomStream& stream, at::ScalarType dtype) override;

 private:
  std::int64_t in_features_;
  std::int64_t out_features_;
  Parameter weight_;
  Parameter bias_;
};

}  // namespace ntt
