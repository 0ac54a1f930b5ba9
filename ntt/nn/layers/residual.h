#pragma once

#include "ntt/nn/layers/sequence.h"

namespace ntt {

/// y = body(x) + shortcut(x); a shortcut of no layers is the identity (He et al., CVPR 2016).
class Residual : public Layer {
 public:
  Residual(std::unique_ptr<Sequence> body, std::unique_ptr<Sequence> shortcut)
      : body_(std::move(body)), shortcut_(std::move(shortcut)) {}

  Shape output_shape(const Shape& input) const override;
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  void for_each_parametric(Tape& tape, const std::function<void(const ParametricLayer&, Tape&)>& visit) const override;
  bool has_parameters() const override;
  void collect_parameters(std::vector<Parameter*>& into) override;
  void limit_cotangents(Tape& tape, bool needs_input, bool needs_output) const override;
  void initialise(RandomStream& stream, at::ScalarType dtype) override;

 private:
  std::unique_ptr<Sequence> body_;
  std::unique_ptr<Sequence> shortcut_;
};

}  // namespace ntt
