#pragma once

#include <memory>
#include <vector>

#include "ntt/nn/layer.h"

namespace ntt {

/// Layers one after another; of none at all, the identity.
class Sequence : public Layer {
 public:
  Sequence() = default;
  explicit Sequence(std::vector<std::unique_ptr<Layer>> layers) : layers_(std::move(layers)) {}

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
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace ntt
