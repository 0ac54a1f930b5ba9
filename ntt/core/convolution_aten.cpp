#include <ATen/ATen.h>

#include "ntt/core/convolution.h"

namespace ntt::aten {

at::Tensor conv_patches(const ConvGeometry& g, const at::Tensor& images) {
  return at::im2col(images, {g.kernel_height, g.kernel_width}, {1, 1}, {g.padding, g.padding}, {g.stride, g.stride});
}

at::Tensor conv_fold(const ConvGeometry& g, const at::Tensor& patches) {
  return at::col2im(patches, {g.height, g.width}, {g.kernel_height, g.kernel_width}, {1, 1}, {g.padding, g.padding},
                    {g.stride, g.stride});
}

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias) {
  return at::conv2d(images, weight, bias, {g.stride, g.stride}, {g.padding, g.padding});
}

at::Tensor conv_backward_images(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& weight) {
  const at::Tensor flat = weight.view({weight.size(0), g.patch()});
  return aten::conv_fold(g, at::matmul(flat.t(), delta.flatten(2)));
}

void conv_add_weight_gradient(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient) {
  const at::Tensor each = at::bmm(delta.flatten(2), aten::conv_patches(g, images).transpose(1, 2));
  gradient.add_(each.sum(0).view(gradient.sizes()));
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  const at::Tensor rows = delta.reshape({delta.size(0), delta.size(1) * delta.size(2), g.positions()});
  return at::bmm(rows, aten::conv_patches(g, images).transpose(1, 2))
      .view({delta.size(0), delta.size(1), delta.size(2), g.patch()});
}

std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& g, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar) {
  const at::Tensor rows = delta.reshape({delta.size(0), delta.size(1) * delta.size(2), g.positions()});
  const at::Tensor u = cotangent.reshape({rows.size(0), rows.size(1), g.patch()});
  const at::Tensor delta_bar = at::bmm(u, aten::conv_patches(g, images)).view(delta.sizes());
  if (!want_images_bar) {
    return {delta_bar, at::Tensor()};
  }
  return {delta_bar, aten::conv_fold(g, at::bmm(u.transpose(1, 2), rows))};
}

}  // namespace ntt::aten
