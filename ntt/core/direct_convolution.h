#pragma once

#include "ntt/core/convolution.h"

/// Products of convolutions on the CPU that read a padded copy of each image instead of its patch matrix, which has
/// kernel_height * kernel_width times as many entries: for few channels, unfolding it and packing it for a matrix
/// product takes as long as the product. The functions of convolution.h, for the geometries that they are made for.
namespace ntt::direct {

/// Whether conv_forward and jacobian_delta_bar are made for it.
bool reads_images(const ConvGeometry& geometry);
/// Whether conv_backward_images and jacobian_images_bar are.
bool reads_delta(const ConvGeometry& geometry);
/// Whether conv_add_weight_gradient and conv_jacobian are, and are faster: many positions share a reduction.
bool sums_positions(const ConvGeometry& geometry);

at::Tensor conv_forward(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum);
at::Tensor conv_backward_images(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum);
void conv_add_weight_gradient(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient);
at::Tensor conv_jacobian(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta);

/// The two results of conv_jacobian_adjoint, delta_bar [n, probes, out, ...] and images_bar [n, channels, ...].
at::Tensor jacobian_delta_bar(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              const at::Tensor& cotangent);
at::Tensor jacobian_images_bar(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& cotangent);

}  // namespace ntt::direct
