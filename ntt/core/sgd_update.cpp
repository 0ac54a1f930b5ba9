#include "ntt/core/sgd_update.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include "ntt/core/parallel.h"

namespace ntt {
namespace {

/// Constants in the tensors' own precision, as PyTorch multiplies by them.
template <typename T>
struct SgdConstants {
  T learning_rate, momentum, decay;
  bool nesterov;

  explicit SgdConstants(const SgdStep& step)
      : learning_rate(static_cast<T>(step.learning_rate)),
        momentum(static_cast<T>(step.momentum)),
        decay(static_cast<T>(step.decay)),
        nesterov(step.nesterov) {}

  /// Moves one entry.
  void move(T& value, T gradient, T& velocity) const {
    const T g = gradient + decay * value;
    velocity = momentum * velocity + g;
    value -= learning_rate * (nesterov ? g + momentum * velocity : velocity);
  }
};

constexpr std::int64_t kWorkEach = 4;  ///< of an entry, in the units of parallel_for_work

}  // namespace

void sgd_update(const SgdStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                const at::Tensor& mask, at::Tensor& velocity) {
  if (!value.is_cpu()) {
    aten::sgd_update(step, value, effective, gradient, mask, velocity);
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "sgd_update", [&] {
    const SgdConstants<scalar_t> constants(step);
    auto* values = value.data_ptr<scalar_t>();
    auto* velocities = velocity.data_ptr<scalar_t>();
    const auto* gradients = gradient.data_ptr<scalar_t>();
    const auto* kept = mask.defined() ? mask.data_ptr<scalar_t>() : nullptr;
    auto* shown = mask.defined() ? effective.data_ptr<scalar_t>() : nullptr;
    parallel_for_work(value.numel(), kWorkEach, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        if (kept == nullptr) {
          constants.move(values[i], gradients[i], velocities[i]);
        } else if (kept[i] != 0) {
          constants.move(values[i], gradients[i], velocities[i]);
          shown[i] = values[i];
        } else {
          shown[i] = 0;
        }
      }
    });
  });
}

namespace aten {

void sgd_update(const SgdStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                const at::Tensor& mask, at::Tensor& velocity) {
  const at::Tensor g = gradient + step.decay * value;
  const at::Tensor moved = step.momentum * velocity + g;
  const at::Tensor change = step.learning_rate * (step.nesterov ? g + step.momentum * moved : moved);
  if (!mask.defined()) {
    velocity.copy_(moved);
    value.sub_(change);
    return;
  }
  const at::Tensor kept = mask.ne(0);
  velocity.copy_(at::where(kept, moved, velocity));
  value.copy_(at::where(kept, value - change, value));
  effective.copy_(value * mask);
}

}  // namespace aten
}  // namespace ntt
