#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace ntt {

/// What batch norm does to images [n, C, positions...] with a number for each channel, each in one pass over memory.
/// Tensors are float32 or float64, contiguous, on any device; `rows` are n inputs with k probes each, n * k in all.

/// factor[c] * values + shift[c] (if defined) + sum (if defined): values [rows, C, ...], factor and shift [C].
at::Tensor scale_channels(const at::Tensor& values, const at::Tensor& factor, const at::Tensor& shift,
                          const at::Tensor& sum);

/// factor[r, c] * images + shift[r, c]: images [n, C, ...], factor and shift [n * k, C]; to [n * k, C, ...].
at::Tensor scale_channels_by_row(const at::Tensor& images, const at::Tensor& factor, const at::Tensor& shift);

/// Sums over positions of values [n * k, C, ...] and of their products with images [n, C, ...]: [n * k, C] each.
std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& values, const at::Tensor& images);

/// Mean and variance (biased, Σ (x - mean)² / count) over inputs and positions of values [n, C, ...]: [C] each. The
/// variance of a channel that is constant is exactly 0.
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& values);

namespace aten {
at::Tensor scale_channels(const at::Tensor& values, const at::Tensor& factor, const at::Tensor& shift,
                          const at::Tensor& sum);
at::Tensor scale_channels_by_row(const at::Tensor& images, const at::Tensor& factor, const at::Tensor& shift);
std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& values, const at::Tensor& images);
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& values);
}  // namespace aten

}  // namespace ntt
