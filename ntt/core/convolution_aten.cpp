#include <ATen/ATen.h>

#include "ntt/core/convolution.h"

namespace ntt::aten {
namespace {

/// Images with their padding, for functions that know only the same padding on both sides.
at::Tensor pad(const ConvGeometry& g, const at::Tensor& images) {
  return g.padded() ? at::constant_pad_nd(images, {g.pad_left, g.pad_right, g.pad_top, g.pad_bottom}) : images;
}

/// [n, repeats, out, columns] as [n, groups, repeats * out / groups, columns]: the rows that meet each group's patches.
at::Tensor by_group(const ConvGeometry& g, const at::Tensor& rows) {
  const std::int64_t group_rows = rows.size(2) / g.groups;
  return rows.reshape({rows.size(0), rows.size(1), g.groups, group_rows, rows.size(3)})
      .transpose(1, 2)
      .reshape({rows.size(0), g.groups, rows.size(1) * group_rows, rows.size(3)});
}

/// The reverse of by_group.
at::Tensor by_repeat(const ConvGeometry& g, const at::Tensor& grouped, std::int64_t repeats) {
  const std::int64_t group_rows = grouped.size(2) / repeats;
  return grouped.view({grouped.size(0), g.groups, repeats, group_rows, grouped.size(3)})
      .transpose(1, 2)
      .reshape({grouped.size(0), repeats, g.groups * group_rows, grouped.size(3)});
}

/// [n, groups, patch, positions]
at::Tensor grouped_patches(const ConvGeometry& g, const at::Tensor& images) {
  return aten::conv_patches(g, images).view({images.size(0), g.groups, g.patch(), g.positions()});
}

}  // namespace

at::Tensor conv_patches(const ConvGeometry& g, const at::Tensor& images) {
  return at::im2col(pad(g, images), {g.kernel_height, g.kernel_width}, {g.dilation_height, g.dilation_width}, {0, 0},
                    {g.stride_height, g.stride_width});
}

at::Tensor conv_fold(const ConvGeometry& g, const at::Tensor& patches) {
  const at::Tensor padded =
      at::col2im(patches, {g.height + g.pad_top + g.pad_bottom, g.width + g.pad_left + g.pad_right},
                 {g.kernel_height, g.kernel_width}, {g.dilation_height, g.dilation_width}, {0, 0},
                 {g.stride_height, g.stride_width});
  return padded.narrow(2, g.pad_top, g.height).narrow(3, g.pad_left, g.width).contiguous();
}

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias) {
  const bool even = g.pad_top == g.pad_bottom && g.pad_left == g.pad_right;
  const std::int64_t pad_height = even ? g.pad_top : 0;
  const std::int64_t pad_width = even ? g.pad_left : 0;
  return at::convolution(even ? images : pad(g, images), weight, bias, {g.stride_height, g.stride_width},
                         {pad_height, pad_width}, {g.dilation_height, g.dilation_width}, false, {0, 0}, g.groups);
}

at::Tensor conv_backward_images(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& weight) {
  const at::Tensor grouped = weight.view({g.groups, weight.size(0) / g.groups, g.patch()});
  const at::Tensor rows = by_group(g, delta.flatten(2).unsqueeze(1));
  return aten::conv_fold(g, at::matmul(grouped.transpose(1, 2), rows).flatten(1, 2));
}

void conv_add_weight_gradient(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient) {
  gradient.add_(aten::conv_jacobian(g, images, delta.unsqueeze(1)).sum(0).view(gradient.sizes()));
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  const at::Tensor rows = by_group(g, delta.flatten(3));
  return by_repeat(g, at::matmul(rows, grouped_patches(g, images).transpose(2, 3)), delta.size(1));
}

std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& g, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar) {
  const at::Tensor u = by_group(g, cotangent.reshape({delta.size(0), delta.size(1), delta.size(2), g.patch()}));
  const at::Tensor delta_bar =
      by_repeat(g, at::matmul(u, grouped_patches(g, images)), delta.size(1)).view(delta.sizes());
  if (!want_images_bar) {
    return {delta_bar, at::Tensor()};
  }
  const at::Tensor rows = by_group(g, delta.flatten(3));
  return {delta_bar, aten::conv_fold(g, at::matmul(u.transpose(2, 3), rows).flatten(1, 2))};
}

}  // namespace ntt::aten
