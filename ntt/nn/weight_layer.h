#pragma once

#include <memory>
#include <string>

#include "ntt/nn/layer.h"

namespace ntt {

/// What linear layers and convolutions share: a weight W and a bias b, and the four sweeps of y = W x + b in terms of
/// the weight's products.
class WeightLayer : public ParametricLayer {
 public:
  at::Tensor forward(const at::Tensor& input, Tape& tape) const override;
  at::Tensor pullback(const at::Tensor& delta, Tape& tape) const override;
  at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) override;
  void collect_parameters(std::vector<Parameter*>& into) override;
  void initialise(RandomStream& stream, at::ScalarType dtype) override;

 protected:
  /// @param name prefix of the parameters' names: "fc1" gives "fc1.weight" and "fc1.bias"
  /// @param shape of the weight; its first side is the bias's
  /// @param geometry what the weight is applied to
  /// @param dense products with all of the weight, taken unless the weight has others
  WeightLayer(const std::string& name, Shape shape, const ConvGeometry& geometry,
              std::unique_ptr<const WeightProducts> dense);

  const Parameter& weight() const { return weight_; }

 private:
  const WeightProducts& products() const { return weight_.products ? *weight_.products : *dense_; }

  Parameter weight_;
  Parameter bias_;
  std::unique_ptr<const WeightProducts> dense_;
};

}  // namespace ntt
