#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace ntt {

/// What Adam (Kingma & Ba, ICLR 2015, algorithm 1) does with one tensor at one step.
struct AdamStep {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  std::int64_t step = 1;  ///< counted from 1
  double decay = 0;       ///< adds decay * effective weight to the gradient: the derivative of (decay/2) ‖m⊙w‖²
};

/// One Adam step on value, then effective = mask ⊙ value. The gradient is taken through the mask: a pruned weight gets
/// gradient zero, its moments decay. An undefined mask keeps everything, and effective then is value itself. Tensors
/// are float32 or float64, contiguous and of one device.
void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment);

/// The same for the kept weights alone, at `places` (int64) of the flattened tensors, on the CPU: of a network that
/// keeps few, a small part of the memory traffic. What it leaves undone adam_catch_up does.
void adam_update_kept(const AdamStep& step, const at::Tensor& places, at::Tensor& value, at::Tensor& effective,
                      const at::Tensor& gradient, at::Tensor& first_moment, at::Tensor& second_moment);

/// What adam_update does with pruned weights in these steps, all at once and bit for bit.
void adam_catch_up(std::span<const AdamStep> steps, const at::Tensor& mask, at::Tensor& value, at::Tensor& first_moment,
                   at::Tensor& second_moment);

namespace aten {
void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment);
}  // namespace aten

}  // namespace ntt
