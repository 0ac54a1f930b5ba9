#pragma once

#include <ATen/core/Tensor.h>

namespace ntt {

/// What stochastic gradient descent with momentum does with one tensor at one step.
struct SgdStep {
  double learning_rate = 0.1;
  double momentum = 0.9;
  bool nesterov = false;  ///< Nesterov's momentum, as Sutskever et al. (ICML 2013) have it
  double decay = 0;       ///< adds decay * effective weight to the gradient: the derivative of (decay/2) ‖m⊙w‖²
};

/// One step as PyTorch's SGD without dampening takes it,
///
///     g = gradient + decay · w,  velocity = momentum · velocity + g,  w -= learning_rate · velocity,
///
/// with `nesterov` w -= learning_rate · (g + momentum · velocity); then effective = mask ⊙ value. Only kept entries and
/// their velocities move. An undefined mask keeps everything, and effective then is value itself. Tensors are float32
/// or float64, contiguous and of one device.
void sgd_update(const SgdStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                const at::Tensor& mask, at::Tensor& velocity);

namespace aten {
void sgd_update(const SgdStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                const at::Tensor& mask, at::Tensor& velocity);
}  // namespace aten

}  // namespace ntt
