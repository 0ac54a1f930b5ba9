#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ntt {

/// Passes over memory that ATen would make several times. Each takes float32 or float64 tensors, contiguous, on the
/// CPU in one pass, elsewhere by ATen operations.

/// kernel [n*p, m*q] += inputs [n, m], each entry repeated over its p x q block, times deltas [n*p, m*q].
void add_blockwise_product(at::Tensor& kernel, const at::Tensor& inputs, const at::Tensor& deltas);

/// inputs [n, m], each entry repeated over its p x q block, times values [n*p, m*q].
at::Tensor blockwise_product(const at::Tensor& inputs, const at::Tensor& values);

/// The sum of a*b over every p x q block of [n*p, m*q]: [n, m].
at::Tensor blockwise_dot(const at::Tensor& a, const at::Tensor& b, std::int64_t n, std::int64_t m);

/// The sum of squares, in double whatever the dtype.
double sum_of_squares(const at::Tensor& values);

/// The sum over entries of (a - b)², and a - b written over a.
double subtract_and_square(at::Tensor& a, const at::Tensor& b);

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
/// gradient zero, its moments decay. An undefined mask keeps everything, and effective then is value itself.
void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment);

namespace aten {
void add_blockwise_product(at::Tensor& kernel, const at::Tensor& inputs, const at::Tensor& deltas);
at::Tensor blockwise_product(const at::Tensor& inputs, const at::Tensor& values);
at::Tensor blockwise_dot(const at::Tensor& a, const at::Tensor& b, std::int64_t n, std::int64_t m);
double subtract_and_square(at::Tensor& a, const at::Tensor& b);
void adam_update(const AdamStep& step, at::Tensor& value, at::Tensor& effective, const at::Tensor& gradient,
                 const at::Tensor& mask, at::Tensor& first_moment, at::Tensor& second_moment);
}  // namespace aten

}  // namespace ntt
