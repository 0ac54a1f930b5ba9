#pragma once

#include "ntt/nn/optimiser.h"

namespace ntt {

/// Stochastic gradient descent with momentum, as PyTorch's SGD without dampening (ntt/core/sgd_update.h). Only kept
/// weights and their velocities move. A state is the velocity.
class Sgd : public Optimiser {
 public:
  /// @param momentum in [0, 1)
  /// @param nesterov whether steps look ahead along the velocity
  Sgd(Network& network, double learning_rate, double momentum, bool nesterov);

  /// The penalty is weight_decay / 2 · Σ‖m⊙W‖²: weight_decay · w is added to the gradient of each kept weight.
  void step(const Gradients& gradients, double weight_decay) override;
  void move(at::Tensor& values, const at::Tensor& gradient, State& state, double weight_decay) const override;

 private:
  double momentum_;
  bool nesterov_;
};

}  // namespace ntt
