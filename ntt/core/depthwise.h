#pragma once

#include "ntt/core/convolution.h"

/// The products of depthwise convolutions on the CPU, where each of channels * multiplier outputs reads one channel:
/// the functions of convolution.h, for geometries that are depthwise(). A matrix product would have only
/// kernel_height * kernel_width columns or rows; here each kernel offset is a multiple of a whole plane.
namespace ntt::depthwise {

at::Tensor conv_forward(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum);
at::Tensor conv_backward_images(const ConvGeometry& geometry, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum);
void conv_add_weight_gradient(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient);
at::Tensor conv_jacobian(const ConvGeometry& geometry, const at::Tensor& images, const at::Tensor& delta);
std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& geometry, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar);

}  // namespace ntt::depthwise
