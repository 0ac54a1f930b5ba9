#include "ntt/core/convolution.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

#include "ntt/core/depthwise.h"
#include "ntt/core/direct_convolution.h"
#include "ntt/core/parallel.h"
#include "ntt/core/patch_products.h"

namespace ntt {
namespace {

/// Rows of z [count, out, positions] become their biases, or have them added.
template <typename T>
void put_bias(const T* bias, std::int64_t count, std::int64_t out, std::int64_t positions, bool adds, T* z) {
  for (std::int64_t row = 0; row < count * out; ++row, z += positions) {
    if (adds) {
      std::for_each(z, z + positions, [b = bias[row % out]](T& entry) { entry += b; });
    } else {
      std::fill(z, z + positions, bias[row % out]);
    }
  }
}

}  // namespace

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum) {
  if (!images.is_cpu()) {
    const at::Tensor result = aten::conv_forward(g, images, weight, bias);
    return sum.defined() ? sum.add_(result) : result;
  }
  if (g.depthwise()) {
    return depthwise::conv_forward(g, images, weight, bias, sum);
  }
  if (direct::reads_images(g)) {
    return direct::conv_forward(g, images, weight, bias, sum);
  }
  const std::int64_t out = weight.size(0);
  at::Tensor result = sum_or_new(sum, {images.size(0), out, g.out_height(), g.out_width()}, images.options());
  const bool adds = sum.defined() || bias.defined();
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_forward", [&] {
    const PatchSource<scalar_t> source(g, images);
    const auto* w = weight.data_ptr<scalar_t>();
    const auto* b = bias.defined() ? bias.data_ptr<scalar_t>() : nullptr;
    auto* z = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    const Runs runs(g, images.size(0));
    parallel_for(runs.count(), [&](std::int64_t begin, std::int64_t end, int) {
      const std::int64_t patches_size = g.groups * g.patch() * runs.longest() * positions;
      auto* room = scratch<scalar_t>(patches_size + out * runs.longest() * positions);
      for (std::int64_t run = begin; run < end; ++run) {
        const std::int64_t count = runs.size(run);
        const scalar_t* patches = source.patches(runs.begin(run), count, room);
        scalar_t* z_run = z + runs.begin(run) * out * positions;
        if (b != nullptr) {
          put_bias(b, count, out, positions, sum.defined(), z_run);
        }
        if (count == 1) {
          multiply_patches(g, 1, out, positions, w, patches, adds, z_run);
        } else {
          multiply_patches(g, 1, out, count * positions, w, patches, false, room + patches_size);
          take_apart(room + patches_size, count, out, positions, adds, z_run);
        }
      }
    });
  });
  return result;
}

at::Tensor conv_backward_images(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum) {
  if (!delta.is_cpu()) {
    const at::Tensor result = aten::conv_backward_images(g, delta, weight);
    return sum.defined() ? sum.add_(result) : result;
  }
  if (g.depthwise()) {
    return depthwise::conv_backward_images(g, delta, weight, sum);
  }
  if (direct::reads_delta(g)) {
    return direct::conv_backward_images(g, delta, weight, sum);
  }
  at::Tensor result = sum_or_new(sum, {delta.size(0), g.channels, g.height, g.width}, delta.options());
  const bool adds = sum.defined();
  AT_DISPATCH_FLOATING_TYPES(delta.scalar_type(), "conv_backward_images", [&] {
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* w = weight.data_ptr<scalar_t>();
    auto* x = result.data_ptr<scalar_t>();
    const std::int64_t out = weight.size(0);
    const std::int64_t positions = g.positions();
    const Runs runs(g, delta.size(0));
    parallel_for(runs.count(), [&](std::int64_t begin, std::int64_t end, int) {
      const std::int64_t patches_size = g.groups * g.patch() * runs.longest() * positions;
      auto* room = scratch<scalar_t>(patches_size + out * runs.longest() * positions);
      for (std::int64_t run = begin; run < end; ++run) {
        const std::int64_t count = runs.size(run);
        const scalar_t* d_run = d + runs.begin(run) * out * positions;
        scalar_t* x_run = x + runs.begin(run) * g.image_size();
        if (count == 1 && g.pointwise()) {
          multiply_transposed(g, 1, out, positions, w, d_run, adds, x_run);
          continue;
        }
        if (count > 1) {
          lay_side_by_side(d_run, count, out, positions, room + patches_size);
          d_run = room + patches_size;
        }
        multiply_transposed(g, 1, out, count * positions, w, d_run, false, room);
        if (g.pointwise()) {
          take_apart(room, count, g.channels, positions, adds, x_run);
          continue;
        }
        if (!adds) {
          std::fill(x_run, x_run + count * g.image_size(), scalar_t{0});
        }
        fold_images(g, count, room, x_run);
      }
    });
  });
  return result;
}

void conv_add_weight_gradient(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient) {
  if (!images.is_cpu()) {
    aten::conv_add_weight_gradient(g, images, delta, gradient);
    return;
  }
  if (g.depthwise()) {
    depthwise::conv_add_weight_gradient(g, images, delta, gradient);
    return;
  }
  if (direct::sums_positions(g)) {
    direct::conv_add_weight_gradient(g, images, delta, gradient);
    return;
  }
  const std::int64_t out = delta.size(1);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_add_weight_gradient", [&] {
    const PatchSource<scalar_t> source(g, images);
    const auto* d = delta.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    const Runs runs(g, images.size(0));
    add_by_threads<scalar_t>(runs.count(), gradient, [&](std::int64_t begin, std::int64_t end, scalar_t* sum) {
      const std::int64_t patches_size = g.groups * g.patch() * runs.longest() * positions;
      auto* room = scratch<scalar_t>(patches_size + out * runs.longest() * positions);
      for (std::int64_t run = begin; run < end; ++run) {
        const std::int64_t count = runs.size(run);
        const scalar_t* patches = source.patches(runs.begin(run), count, room);
        const scalar_t* d_run = d + runs.begin(run) * out * positions;
        if (count > 1) {
          lay_side_by_side(d_run, count, out, positions, room + patches_size);
          d_run = room + patches_size;
        }
        multiply_by_patches(g, 1, out, count * positions, d_run, patches, true, sum);
      }
    });
  });
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  if (!images.is_cpu()) {
    return aten::conv_jacobian(g, images, delta);
  }
  if (g.depthwise()) {
    return depthwise::conv_jacobian(g, images, delta);
  }
  if (direct::sums_positions(g)) {
    return direct::conv_jacobian(g, images, delta);
  }
  const std::int64_t probes = delta.size(1);
  const std::int64_t out = delta.size(2);
  at::Tensor result = at::empty({images.size(0), probes, out, g.patch()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_jacobian", [&] {
    const PatchSource<scalar_t> source(g, images);
    const auto* d = delta.data_ptr<scalar_t>();
    auto* j = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    const std::int64_t rows = probes * out;
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.groups * g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t* patches = source.patches(i, 1, room);
        multiply_by_patches(g, probes, out, positions, d + i * rows * positions, patches, false,
                            j + i * rows * g.patch());
      }
    });
  });
  return result;
}

namespace {

at::Tensor jacobian_delta_bar(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              const at::Tensor& cotangent) {
  if (direct::reads_images(g)) {
    return direct::jacobian_delta_bar(g, images, delta, cotangent);
  }
  const std::int64_t probes = delta.size(1);
  const std::int64_t out = delta.size(2);
  at::Tensor result = at::empty_like(delta);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "jacobian_delta_bar", [&] {
    const PatchSource<scalar_t> source(g, images);
    const auto* u = cotangent.data_ptr<scalar_t>();
    auto* d_bar = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    const std::int64_t rows = probes * out;
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.groups * g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        multiply_patches(g, probes, out, positions, u + i * rows * g.patch(), source.patches(i, 1, room), false,
                         d_bar + i * rows * positions);
      }
    });
  });
  return result;
}

at::Tensor jacobian_images_bar(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& cotangent) {
  if (direct::reads_delta(g)) {
    return direct::jacobian_images_bar(g, delta, cotangent);
  }
  const std::int64_t probes = delta.size(1);
  const std::int64_t out = delta.size(2);
  at::Tensor result = at::zeros({delta.size(0), g.channels, g.height, g.width}, delta.options());
  AT_DISPATCH_FLOATING_TYPES(delta.scalar_type(), "jacobian_images_bar", [&] {
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* u = cotangent.data_ptr<scalar_t>();
    auto* x_bar = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    const std::int64_t rows = probes * out;
    parallel_for(probes > 0 ? delta.size(0) : 0, [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.groups * g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        multiply_transposed(g, probes, out, positions, u + i * rows * g.patch(), d + i * rows * positions, false, room);
        fold_images(g, 1, room, x_bar + i * g.image_size());
      }
    });
  });
  return result;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& g, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar) {
  if (!images.is_cpu()) {
    return aten::conv_jacobian_adjoint(g, images, delta, cotangent, want_images_bar);
  }
  if (g.depthwise()) {
    return depthwise::conv_jacobian_adjoint(g, images, delta, cotangent, want_images_bar);
  }
  return {jacobian_delta_bar(g, images, delta, cotangent),
          want_images_bar ? jacobian_images_bar(g, delta, cotangent) : at::Tensor()};
}

at::Tensor conv_patches(const ConvGeometry& g, const at::Tensor& images) {
  if (!images.is_cpu()) {
    return aten::conv_patches(g, images);
  }
  at::Tensor result = at::empty({images.size(0), g.groups * g.patch(), g.positions()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_patches", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const scalar_t* x_end = x + images.numel();
    auto* p = result.data_ptr<scalar_t>();
    const std::int64_t size = g.groups * g.patch() * g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        unfold_images(g, 1, x + i * g.image_size(), x_end, p + i * size, p + (i + 1) * size);
      }
    });
  });
  return result;
}

at::Tensor conv_fold(const ConvGeometry& g, const at::Tensor& patches) {
  if (!patches.is_cpu()) {
    return aten::conv_fold(g, patches);
  }
  at::Tensor result = at::zeros({patches.size(0), g.channels, g.height, g.width}, patches.options());
  AT_DISPATCH_FLOATING_TYPES(patches.scalar_type(), "conv_fold", [&] {
    const auto* p = patches.data_ptr<scalar_t>();
    auto* x = result.data_ptr<scalar_t>();
    const std::int64_t size = g.groups * g.patch() * g.positions();
    parallel_for(patches.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        fold_images(g, 1, p + i * size, x + i * g.image_size());
      }
    });
  });
  return result;
}

}  // namespace ntt
