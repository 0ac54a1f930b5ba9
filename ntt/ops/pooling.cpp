#include "ntt/ops/pooling.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"

namespace ntt {
namespace {

Shape pooled_shape(const PoolGeometry& geometry, const Shape& input) {
  if (input.size() == 2) {
    return {input[0], geometry.out_width(input[1])};
  }
  return {input[0], geometry.out_height(input[1]), geometry.out_width(input[2])};
}

/// [lead..., shape...]
at::Tensor view_as(const at::Tensor& values, std::int64_t leading, const Shape& shape) {
  Shape sizes = values.sizes().slice(0, static_cast<std::size_t>(leading)).vec();
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return values.view(sizes);
}

}  // namespace

Pooling::Pooling(Kind kind, const PoolGeometry& geometry, const Shape& input, bool count_padding)
    : Operator(pooled_shape(geometry, input)),
      kind_(kind),
      geometry_(geometry),
      input_(input),
      height_(input.size() == 2 ? 1 : input[1]),
      width_(input.back()),
      count_padding_(count_padding) {}

at::Tensor Pooling::pool(const at::Tensor& values, const NodeTape& tape) const {
  const at::Tensor images = view_as(values, 2, {input_[0], height_, width_});
  if (kind_ == Kind::maximum) {
    return view_as(pool_gather(images, tape.saved.front()), 2, output_shape());
  }
  const at::Tensor means = average_pool(geometry_, count_padding_, merge_probes(images));
  return view_as(split_probes(means, values.size(1)), 2, output_shape());
}

at::Tensor Pooling::spread(const at::Tensor& values, const NodeTape& tape) const {
  const std::int64_t out_height = output_shape().size() == 2 ? 1 : output_shape()[1];
  const at::Tensor images = view_as(values, 2, {output_shape()[0], out_height, output_shape().back()});
  if (kind_ == Kind::maximum) {
    return view_as(pool_scatter(images, tape.saved.front(), height_, width_), 2, input_);
  }
  const at::Tensor spread = average_pool_spread(geometry_, count_padding_, merge_probes(images), height_, width_);
  return view_as(split_probes(spread, values.size(1)), 2, input_);
}

at::Tensor Pooling::forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  if (kind_ == Kind::mean) {
    return pool(inputs.front().unsqueeze(1), tape).squeeze(1);
  }
  auto [maxima, winners] = max_pool(geometry_, view_as(inputs.front(), 1, {input_[0], height_, width_}));
  tape.saved = {winners};
  return view_as(maxima, 1, output_shape());
}

Tensors Pooling::pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  return {tape.wants_input.front() ? spread(delta, tape) : at::Tensor()};
}

at::Tensor Pooling::pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                                     Tensors& /*gradients*/) const {
  return cotangents.front().defined() && tape.wants_delta_bar ? pool(cotangents.front(), tape) : at::Tensor();
}

Tensors Pooling::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                                 Tensors& /*gradients*/) const {
  const bool wanted = cotangent.defined() && tape.wants_input.front();
  return {wanted ? spread(cotangent.unsqueeze(1), tape).squeeze(1) : at::Tensor()};
}

namespace {

std::unique_ptr<Operator> make_pooling(Pooling::Kind kind, const Settings& settings) {
  settings.check_inputs(1, 1);
  const Shape& input = settings.inputs().front();
  if (input.size() != 2 && input.size() != 3) {
    fail_input("pooling needs images of channels x height x width, but its input is {}", to_string(input));
  }
  const std::size_t dimensions = input.size() - 1;
  const auto kernel = settings.sizes("kernel", dimensions, 1);
  const auto stride = settings.has("stride") ? settings.sizes("stride", dimensions, 1) : kernel;
  const auto dilation = settings.sizes_or("dilation", dimensions, 1, 1);
  const auto padding = settings.padding(dimensions);
  for (std::size_t axis = 0; axis < dimensions; ++axis) {
    const std::int64_t before = padding[axis];
    const std::int64_t after = padding[dimensions + axis];
    if (input[axis + 1] + before + after < (kernel[axis] - 1) * dilation[axis] + 1) {
      fail_input("a pooling window of {} does not fit into its input of {}", to_string(kernel), to_string(input));
    }
    if (std::max(before, after) >= (kernel[axis] - 1) * dilation[axis] + 1) {
      fail_input("its padding of {} leaves windows of {} that hold no value", to_string(padding), to_string(kernel));
    }
  }
  PoolGeometry geometry;
  const std::size_t last = dimensions - 1;
  geometry.kernel_width = kernel[last];
  geometry.stride_width = stride[last];
  geometry.dilation_width = dilation[last];
  geometry.pad_left = padding[last];
  geometry.pad_right = padding[dimensions + last];
  geometry.kernel_height = dimensions == 2 ? kernel[0] : 1;
  geometry.stride_height = dimensions == 2 ? stride[0] : 1;
  geometry.dilation_height = dimensions == 2 ? dilation[0] : 1;
  geometry.pad_top = dimensions == 2 ? padding[0] : 0;
  geometry.pad_bottom = dimensions == 2 ? padding[2] : 0;
  geometry.ceil_mode = settings.flag_or("ceil_mode", false);
  return std::make_unique<Pooling>(kind, geometry, input, settings.flag_or("count_include_pad", true));
}

}  // namespace

std::vector<OperatorType> pooling_types() {
  constexpr std::string_view kImages = "[channels, height, width] or [channels, length]";
  return {
      {"max-pool",
       "pool",
       "maxima over windows; of equal values the first counts",
       {"kernel", "stride", "padding", "dilation", "ceil_mode"},
       [](const Declaration& d) { return make_pooling(Pooling::Kind::maximum, Settings("max-pool", d)); },
       kImages},
      {"average-pool",
       "pool",
       "means over windows",
       {"kernel", "stride", "padding", "ceil_mode", "count_include_pad"},
       [](const Declaration& d) { return make_pooling(Pooling::Kind::mean, Settings("average-pool", d)); },
       kImages},
  };
}

}  // namespace ntt
