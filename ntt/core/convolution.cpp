#include "ntt/core/convolution.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <vector>

#include "ntt/core/gemm.h"
#include "ntt/core/patches.h"
#include "ntt/core/threads.h"

namespace ntt {
namespace {

/// A 1x1 kernel of stride 1 has the image itself as patch matrix.
bool is_pointwise(const ConvGeometry& g) {
  return g.kernel_height == 1 && g.kernel_width == 1 && g.stride == 1 && g.padding == 0;
}

/// A thread's room for the patch matrix of one image; kept, since a training step asks for the same sizes every time.
template <typename T>
T* scratch(std::int64_t count) {
  thread_local std::vector<T> room;
  if (static_cast<std::int64_t>(room.size()) < count) {
    room.resize(static_cast<std::size_t>(count));
  }
  return room.data();
}

std::int64_t image_size(const ConvGeometry& g) {
  return g.channels * g.height * g.width;
}

/// A batch of images, and a thread's room for the patches of one of them at a time.
template <typename T>
class PatchSource {
 public:
  PatchSource(const ConvGeometry& geometry, const T* images, std::int64_t count)
      : geometry_(geometry), images_(images), end_(images + count * image_size(geometry)) {}

  /// The patch matrix of image i: in `room`, or the image itself where they are the same.
  const T* patches(std::int64_t i, T* room) const {
    const T* image = images_ + i * image_size(geometry_);
    if (is_pointwise(geometry_)) {
      return image;
    }
    unfold_image(geometry_, image, end_, room, room + geometry_.patch() * geometry_.positions());
    return room;
  }

 private:
  const ConvGeometry& geometry_;
  const T* images_;
  const T* end_;
};

/// sum if there is one, else uninitialised memory.
at::Tensor sum_or_new(const at::Tensor& sum, at::IntArrayRef sizes, at::TensorOptions options) {
  return sum.defined() ? sum : at::empty(sizes, options);
}

}  // namespace

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum) {
  if (!images.is_cpu()) {
    const at::Tensor result = aten::conv_forward(g, images, weight, bias);
    return sum.defined() ? sum.add_(result) : result;
  }
  const std::int64_t out = weight.size(0);
  at::Tensor result = sum_or_new(sum, {images.size(0), out, g.out_height(), g.out_width()}, images.options());
  const double kept = sum.defined() || bias.defined() ? 1 : 0;
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_forward", [&] {
    const PatchSource<scalar_t> source(g, images.data_ptr<scalar_t>(), images.size(0));
    const auto* w = weight.data_ptr<scalar_t>();
    const auto* b = bias.defined() ? bias.data_ptr<scalar_t>() : nullptr;
    auto* z = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t* patches = source.patches(i, room);
        scalar_t* z_i = z + i * out * positions;
        for (std::int64_t o = 0; b != nullptr && o < out; ++o) {
          std::fill(z_i + o * positions, z_i + (o + 1) * positions, b[o]);
        }
        gemm(Transpose::no, Transpose::no, out, positions, g.patch(), scalar_t{1}, w, g.patch(), patches, positions,
             static_cast<scalar_t>(kept), z_i, positions);
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
  at::Tensor result = sum_or_new(sum, {delta.size(0), g.channels, g.height, g.width}, delta.options());
  const bool adds = sum.defined();
  AT_DISPATCH_FLOATING_TYPES(delta.scalar_type(), "conv_backward_images", [&] {
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* w = weight.data_ptr<scalar_t>();
    auto* x = result.data_ptr<scalar_t>();
    const std::int64_t out = weight.size(0);
    const std::int64_t positions = g.positions();
    parallel_for(delta.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        scalar_t* x_i = x + i * image_size(g);
        scalar_t* product = is_pointwise(g) ? x_i : room;
        gemm(Transpose::yes, Transpose::no, g.patch(), positions, out, scalar_t{1}, w, g.patch(),
             d + i * out * positions, positions, static_cast<scalar_t>(adds && is_pointwise(g) ? 1 : 0), product,
             positions);
        if (!is_pointwise(g)) {
          if (!adds) {
            std::fill(x_i, x_i + image_size(g), scalar_t{0});
          }
          fold_image(g, product, x_i);
        }
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
  const std::int64_t out = delta.size(1);
  // One sum a thread, added up in the threads' order, so that the result does not depend on who finishes first.
  at::Tensor sums = at::zeros({threads(), out, g.patch()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_add_weight_gradient", [&] {
    const PatchSource<scalar_t> source(g, images.data_ptr<scalar_t>(), images.size(0));
    const auto* d = delta.data_ptr<scalar_t>();
    auto* sum = sums.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int thread) {
      auto* room = scratch<scalar_t>(g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t* patches = source.patches(i, room);
        gemm(Transpose::no, Transpose::yes, out, g.patch(), positions, scalar_t{1}, d + i * out * positions, positions,
             patches, positions, scalar_t{1}, sum + thread * out * g.patch(), g.patch());
      }
    });
  });
  at::Tensor flat = gradient.view({out, g.patch()});
  for (std::int64_t thread = 0; thread < sums.size(0); ++thread) {
    flat.add_(sums[thread]);
  }
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  if (!images.is_cpu()) {
    return aten::conv_jacobian(g, images, delta);
  }
  const std::int64_t probes = delta.size(1);
  const std::int64_t rows = probes * delta.size(2);
  at::Tensor result = at::empty({images.size(0), probes, delta.size(2), g.patch()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_jacobian", [&] {
    const PatchSource<scalar_t> source(g, images.data_ptr<scalar_t>(), images.size(0));
    const auto* d = delta.data_ptr<scalar_t>();
    auto* j = result.data_ptr<scalar_t>();
    const std::int64_t positions = g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t* patches = source.patches(i, room);
        gemm(Transpose::no, Transpose::yes, rows, g.patch(), positions, scalar_t{1}, d + i * rows * positions,
             positions, patches, positions, scalar_t{0}, j + i * rows * g.patch(), g.patch());
      }
    });
  });
  return result;
}

std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& g, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar) {
  if (!images.is_cpu()) {
    return aten::conv_jacobian_adjoint(g, images, delta, cotangent, want_images_bar);
  }
  const std::int64_t rows = delta.size(1) * delta.size(2);
  at::Tensor delta_bar = at::empty_like(delta);
  at::Tensor images_bar = want_images_bar ? at::zeros_like(images) : at::Tensor();
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_jacobian_adjoint", [&] {
    const PatchSource<scalar_t> source(g, images.data_ptr<scalar_t>(), images.size(0));
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* u = cotangent.data_ptr<scalar_t>();
    auto* d_bar = delta_bar.data_ptr<scalar_t>();
    auto* x_bar = want_images_bar ? images_bar.data_ptr<scalar_t>() : nullptr;
    const std::int64_t positions = g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      auto* room = scratch<scalar_t>(g.patch() * positions);
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t* u_i = u + i * rows * g.patch();
        const scalar_t* patches = source.patches(i, room);
        gemm(Transpose::no, Transpose::no, rows, positions, g.patch(), scalar_t{1}, u_i, g.patch(), patches, positions,
             scalar_t{0}, d_bar + i * rows * positions, positions);
        if (x_bar != nullptr) {
          gemm(Transpose::yes, Transpose::no, g.patch(), positions, rows, scalar_t{1}, u_i, g.patch(),
               d + i * rows * positions, positions, scalar_t{0}, room, positions);
          fold_image(g, room, x_bar + i * image_size(g));
        }
      }
    });
  });
  return {delta_bar, images_bar};
}

at::Tensor conv_patches(const ConvGeometry& g, const at::Tensor& images) {
  if (!images.is_cpu()) {
    return aten::conv_patches(g, images);
  }
  at::Tensor result = at::empty({images.size(0), g.patch(), g.positions()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "conv_patches", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const scalar_t* x_end = x + images.numel();
    auto* p = result.data_ptr<scalar_t>();
    const std::int64_t size = g.patch() * g.positions();
    parallel_for(images.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        unfold_image(g, x + i * image_size(g), x_end, p + i * size, p + (i + 1) * size);
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
    parallel_for(patches.size(0), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        fold_image(g, p + i * g.patch() * g.positions(), x + i * image_size(g));
      }
    });
  });
  return result;
}

}  // namespace ntt
