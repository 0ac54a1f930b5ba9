#include "ntt/core/depthwise.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include "ntt/core/depthwise_plane.h"
#include "ntt/core/parallel.h"

namespace ntt::depthwise {
namespace {

/// The rows of [n, probes, out] that read one channel of one image, plane p of [n, channels].
struct OutputRows {
  std::int64_t channels, probes, out;

  std::int64_t multiplier() const { return out / channels; }

  template <typename Visit>
  void for_each(std::int64_t p, Visit&& visit) const {
    for (std::int64_t probe = 0; probe < probes; ++probe) {
      const std::int64_t first = (p / channels * probes + probe) * out + p % channels * multiplier();
      for (std::int64_t row = first; row < first + multiplier(); ++row) {
        visit(row);
      }
    }
  }
};

/// The work on one plane, in elementary operations.
std::int64_t work(const ConvGeometry& g, const OutputRows& rows) {
  return rows.probes * rows.multiplier() * g.patch() * g.positions() + g.height * g.width;
}

}  // namespace

at::Tensor conv_forward(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& sum) {
  const OutputRows rows{g.channels, 1, weight.size(0)};
  at::Tensor result =
      sum.defined() ? sum
                    : at::empty({images.size(0), weight.size(0), g.out_height(), g.out_width()}, images.options());
  const PlaneLayout layout(g);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "depthwise conv_forward", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* w = weight.data_ptr<scalar_t>();
    const auto* b = bias.defined() ? bias.data_ptr<scalar_t>() : nullptr;
    auto* z = result.data_ptr<scalar_t>();
    parallel_for_work(images.size(0) * g.channels, work(g, rows), [&](std::int64_t begin, std::int64_t end, int) {
      Plane<scalar_t> plane(layout);
      for (std::int64_t p = begin; p < end; ++p) {
        plane.read_image(x + p * g.height * g.width);
        rows.for_each(p, [&](std::int64_t row) {
          const std::int64_t o = row % rows.out;
          plane.write_outputs(w + o * g.patch(), b == nullptr ? scalar_t{0} : b[o], sum.defined(),
                              z + row * g.positions());
        });
      }
    });
  });
  return result;
}

at::Tensor conv_backward_images(const ConvGeometry& g, const at::Tensor& delta, const at::Tensor& weight,
                                const at::Tensor& sum) {
  const OutputRows rows{g.channels, 1, weight.size(0)};
  at::Tensor result = sum.defined() ? sum : at::zeros({delta.size(0), g.channels, g.height, g.width}, delta.options());
  const PlaneLayout layout(g);
  AT_DISPATCH_FLOATING_TYPES(delta.scalar_type(), "depthwise conv_backward_images", [&] {
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* w = weight.data_ptr<scalar_t>();
    auto* x = result.data_ptr<scalar_t>();
    parallel_for_work(delta.size(0) * g.channels, work(g, rows), [&](std::int64_t begin, std::int64_t end, int) {
      Plane<scalar_t> plane(layout);
      for (std::int64_t p = begin; p < end; ++p) {
        plane.start_image_sum();
        rows.for_each(p, [&](std::int64_t row) {
          plane.read_delta(d + row * g.positions());
          plane.add_to_image_sum(w + row % rows.out * g.patch());
        });
        plane.add_image_sum(x + p * g.height * g.width);
      }
    });
  });
  return result;
}

void conv_add_weight_gradient(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta,
                              at::Tensor& gradient) {
  const std::int64_t n = images.size(0);
  const OutputRows rows{g.channels, 1, delta.size(1)};
  const PlaneLayout layout(g);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "depthwise conv_add_weight_gradient", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    auto* sum = gradient.data_ptr<scalar_t>();
    // A thread has whole channels, so that each sum is taken in the inputs' order.
    parallel_for_work(g.channels, n * work(g, rows), [&](std::int64_t begin, std::int64_t end, int) {
      Plane<scalar_t> plane(layout);
      for (std::int64_t channel = begin; channel < end; ++channel) {
        for (std::int64_t p = channel; p < n * g.channels; p += g.channels) {
          plane.read_image(x + p * g.height * g.width);
          rows.for_each(p, [&](std::int64_t row) {
            plane.read_delta(d + row * g.positions());
            plane.write_weight_gradient(true, sum + row % rows.out * g.patch());
          });
        }
      }
    });
  });
}

at::Tensor conv_jacobian(const ConvGeometry& g, const at::Tensor& images, const at::Tensor& delta) {
  const OutputRows rows{g.channels, delta.size(1), delta.size(2)};
  at::Tensor result = at::empty({images.size(0), delta.size(1), delta.size(2), g.patch()}, images.options());
  const PlaneLayout layout(g);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "depthwise conv_jacobian", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    auto* j = result.data_ptr<scalar_t>();
    parallel_for_work(images.size(0) * g.channels, work(g, rows), [&](std::int64_t begin, std::int64_t end, int) {
      Plane<scalar_t> plane(layout);
      for (std::int64_t p = begin; p < end; ++p) {
        plane.read_image(x + p * g.height * g.width);
        rows.for_each(p, [&](std::int64_t row) {
          plane.read_delta(d + row * g.positions());
          plane.write_weight_gradient(false, j + row * g.patch());
        });
      }
    });
  });
  return result;
}

std::pair<at::Tensor, at::Tensor> conv_jacobian_adjoint(const ConvGeometry& g, const at::Tensor& images,
                                                        const at::Tensor& delta, const at::Tensor& cotangent,
                                                        bool want_images_bar) {
  const OutputRows rows{g.channels, delta.size(1), delta.size(2)};
  at::Tensor delta_bar = at::empty_like(delta);
  at::Tensor images_bar = want_images_bar ? at::zeros_like(images) : at::Tensor();
  const PlaneLayout layout(g);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "depthwise conv_jacobian_adjoint", [&] {
    const auto* x = images.data_ptr<scalar_t>();
    const auto* d = delta.data_ptr<scalar_t>();
    const auto* u = cotangent.data_ptr<scalar_t>();
    auto* d_bar = delta_bar.data_ptr<scalar_t>();
    auto* x_bar = want_images_bar ? images_bar.data_ptr<scalar_t>() : nullptr;
    parallel_for_work(images.size(0) * g.channels, work(g, rows), [&](std::int64_t begin, std::int64_t end, int) {
      Plane<scalar_t> plane(layout);
      for (std::int64_t p = begin; p < end; ++p) {
        plane.read_image(x + p * g.height * g.width);
        plane.start_image_sum();
        rows.for_each(p, [&](std::int64_t row) {
          plane.write_outputs(u + row * g.patch(), 0, false, d_bar + row * g.positions());
          if (x_bar != nullptr) {
            plane.read_delta(d + row * g.positions());
            plane.add_to_image_sum(u + row * g.patch());
          }
        });
        if (x_bar != nullptr) {
          plane.add_image_sum(x_bar + p * g.height * g.width);
        }
      }
    });
  });
  return {delta_bar, images_bar};
}

}  // namespace ntt::depthwise
