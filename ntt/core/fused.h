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

/// values [n, k, ...] where opening [n, ...] is above 0, else 0; a NaN in either stays.
at::Tensor gate(const at::Tensor& values, const at::Tensor& opening);

/// The sum of squares, in double whatever the dtype.
double sum_of_squares(const at::Tensor& values);

/// The sum over entries of (a - b)², and a - b written over a.
double subtract_and_square(at::Tensor& a, const at::Tensor& b);

namespace aten {
void add_blockwise_product(at::Tensor& kernel, const at::Tensor& inputs, const at::Tensor& deltas);
at::Tensor blockwise_product(const at::Tensor& inputs, const at::Tensor& values);
at::Tensor blockwise_dot(const at::Tensor& a, const at::Tensor& b, std::int64_t n, std::int64_t m);
at::Tensor gate(const at::Tensor& values, const at::Tensor& opening);
double subtract_and_square(at::Tensor& a, const at::Tensor& b);
}  // namespace aten

}  // namespace ntt
