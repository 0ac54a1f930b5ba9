#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace ntt {

/// The shape of a two-dimensional convolution on images [channels, height, width].
struct ConvGeometry {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t kernel_height = 0;
  std::int64_t kernel_width = 0;
  std::int64_t stride = 1;
  std::int64_t padding = 0;

  std::int64_t out_height() const { return (height + 2 * padding - kernel_height) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * padding - kernel_width) / stride + 1; }
  /// Output positions of one image.
  std::int64_t positions() const { return out_height() * out_width(); }
  /// Inputs that one output reads: the rows of the patch matrix P, [patch, positions].
  std::int64_t patch() const { return channels * kernel_height * kernel_width; }
};

/// The products of a convolution, and of one whose weights differ from input to input. Every function takes images
/// [n, channels, height, width], contiguous, in float32 or float64, on any device. On the CPU a thread builds the patch
/// matrix of one input at a time, in its cache, and multiplies it there; elsewhere ATen does.

/// images * weight (+ bias): [n, out, out_height, out_width]. weight is [out, channels, kernel_height, kernel_width];
/// bias [out], or undefined for none.
/// @param sum if given (without bias), is added to and returned
at::Tensor conv_forward(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum = {});

/// The transpose of conv_forward in its images: delta [n, out, ...] to [n, channels, height, width].
/// @param sum if given, is added to and returned
at::Tensor conv_backward_images(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum = {});

/// gradient [out, channels, kernel_height, kernel_width] += the transpose of conv_forward in its weight.
void conv_add_weight_gradient(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient);

/// For every image i and probe a, J_ia = delta_ia P_iᵀ: delta [n, probes, out, ...] to [n, probes, out, patch].
at::Tensor conv_jacobian(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta);

/// The transpose of conv_jacobian for the cotangent U [n, probes, out, patch] of J: (delta_bar, images_bar), with
/// delta_bar_ia = U_ia P_i and images_bar_i = Σ_a fold(U_iaᵀ delta_ia), the latter undefined unless wanted.
std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& geometry, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar);

/// Patch matrices [n, patch, positions] of whole batches.
at::Tensor conv_patches(const ConvGeometry& geometry, const at::Tensor& images);

/// The transpose of conv_patches: sums patch matrices back into images.
at::Tensor conv_fold(const ConvGeometry& geometry, const at::Tensor& patches);

/// The same functions written in ATen operations alone, for devices that have no code of their own.
namespace aten {
at::Tensor conv_forward(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias);
at::Tensor conv_backward_images(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& weight);
void conv_add_weight_gradient(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient);
at::Tensor conv_jacobian(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta);
std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& geometry, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar);
at::Tensor conv_patches(const ConvGeometry& geometry, const at::Tensor& images);
at::Tensor conv_fold(const ConvGeometry& geometry, const at::Tensor& patches);
}  // namespace aten

}  // namespace ntt
