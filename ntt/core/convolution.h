#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace ntt {

/// The shape of a two-dimensional convolution on images [channels, height, width]; a one-dimensional one has height 1.
/// Its weight is [out, channels / groups, kernel_height, kernel_width]: output channels fall into `groups` equal runs,
/// the g-th of which reads the g-th run of channels. Paddings are not negative, and the kernel fits into the padded
/// image.
struct ConvGeometry {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t kernel_height = 0;
  std::int64_t kernel_width = 0;
  std::int64_t stride_height = 1;
  std::int64_t stride_width = 1;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
  std::int64_t pad_bottom = 0;
  std::int64_t pad_right = 0;
  std::int64_t dilation_height = 1;
  std::int64_t dilation_width = 1;
  std::int64_t groups = 1;

  std::int64_t out_height() const {
    return (height + pad_top + pad_bottom - dilation_height * (kernel_height - 1) - 1) / stride_height + 1;
  }
  std::int64_t out_width() const {
    return (width + pad_left + pad_right - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
  }
  /// Output positions of one image.
  std::int64_t positions() const { return out_height() * out_width(); }
  /// Inputs that one output reads: the columns of the weight, and the rows of a group's patch matrix.
  std::int64_t patch() const { return channels / groups * kernel_height * kernel_width; }
  /// Entries of one image.
  std::int64_t image_size() const { return channels * height * width; }
  bool padded() const { return pad_top != 0 || pad_left != 0 || pad_bottom != 0 || pad_right != 0; }
  /// Whether the image itself is the patch matrix: a 1x1 kernel of stride 1.
  bool pointwise() const {
    return kernel_height == 1 && kernel_width == 1 && stride_height == 1 && stride_width == 1 && !padded();
  }
  /// Whether each output reads one of several channels.
  bool depthwise() const { return groups > 1 && channels == groups; }
};

/// The products of a convolution, and of one whose weights differ from input to input. Every function takes images
/// [n, channels, height, width], contiguous, in float32 or float64, on any device. On the CPU a thread builds the patch
/// matrix P [groups * patch, positions] of one input at a time, or of several with few positions, in its cache, and
/// multiplies it there, group by group; depthwise convolutions have code of their own; elsewhere ATen does all.

/// images * weight (+ bias): [n, out, out_height, out_width]. weight is [out, channels / groups, kernel_height,
/// kernel_width]; bias [out], or undefined for none.
/// @param sum if given, is added to and returned
at::Tensor conv_forward(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum = {});

/// The transpose of conv_forward in its images: delta [n, out, ...] to [n, channels, height, width].
/// @param sum if given, is added to and returned
at::Tensor conv_backward_images(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum = {});

/// gradient [out, channels / groups, kernel_height, kernel_width] += the transpose of conv_forward in its weight.
void conv_add_weight_gradient(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient);

/// For every image i and probe a, J_ia = delta_ia P_iᵀ, an output channel against the patches of its own group: delta
/// [n, probes, out, ...] to [n, probes, out, patch].
at::Tensor conv_jacobian(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta);

/// The transpose of conv_jacobian for the cotangent U [n, probes, out, patch] of J: (delta_bar, images_bar), with
/// delta_bar_ia = U_ia P_i and images_bar_i = Σ_a fold(U_iaᵀ delta_ia), group by group, the latter undefined unless
/// wanted.
std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& geometry, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar);

/// Patch matrices [n, groups * patch, positions] of whole batches, group after group.
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
