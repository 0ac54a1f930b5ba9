#include "ntt/ops/convolution.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/core/gemm.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/position_pairs.h"

namespace ntt {
namespace {

/// Images have two dimensions here; outside, those of one dimension have no height.
class ConvProducts : public WeightProducts {
 public:
  ConvProducts(const ConvGeometry& geometry, Shape input, Shape output)
      : geometry_(geometry), input_(std::move(input)), output_(std::move(output)) {}

  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override {
    return as(output_, conv_forward(geometry_, in_image(inputs), weight_image(weight), bias, out_image(sum)));
  }

  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override {
    return as(input_, conv_backward_images(geometry_, out_image(delta), weight_image(weight), in_image(sum)));
  }

  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override {
    at::Tensor image = weight_image(gradient);
    conv_add_weight_gradient(geometry_, in_image(inputs), out_image(delta), image);
  }

 private:
  static at::Tensor as(const Shape& shape, const at::Tensor& images) {
    Shape sizes = shape;
    sizes.insert(sizes.begin(), images.size(0));
    return images.view(sizes);
  }
  at::Tensor in_image(const at::Tensor& values) const {
    return values.defined() ? values.view({values.size(0), geometry_.channels, geometry_.height, geometry_.width})
                            : values;
  }
  at::Tensor out_image(const at::Tensor& values) const {
    return values.defined()
               ? values.view({values.size(0), values.size(1), geometry_.out_height(), geometry_.out_width()})
               : values;
  }
  at::Tensor weight_image(const at::Tensor& weight) const {
    return weight.view({weight.size(0), weight.size(1), geometry_.kernel_height, geometry_.kernel_width});
  }

  ConvGeometry geometry_;
  Shape input_;
  Shape output_;
};

/// Drops the height of what has one dimension.
Shape in_dimensions(std::size_t dimensions, Shape image_shape) {
  if (dimensions == 1) {
    image_shape.erase(image_shape.end() - 2);
  }
  return image_shape;
}

}  // namespace

Convolution::Convolution(const ConvGeometry& g, std::int64_t out_channels, std::size_t dimensions, bool has_bias,
                         GramMethod gram_method)
    : WeightOperator(in_dimensions(dimensions, {out_channels, g.out_height(), g.out_width()}),
                     in_dimensions(dimensions, {out_channels, g.patch() / (g.kernel_height * g.kernel_width),
                                                g.kernel_height, g.kernel_width}),
                     has_bias),
      geometry_(g),
      gram_method_(gram_method),
      dense_(std::make_unique<ConvProducts>(g, in_dimensions(dimensions, {g.channels, g.height, g.width}),
                                            output_shape())) {}

Convolution::GramMethod Convolution::choose_method(const GramRows& left, const GramRows& right, const Parameter& weight,
                                                   ParameterSet set) const {
  if (counts_active_only(weight, set) || geometry_.groups != 1) {
    return GramMethod::jacobian;
  }
  if (gram_method_ != GramMethod::automatic) {
    return gram_method_;
  }
  const double probes = static_cast<double>(left.delta.size(1));
  const double positions = static_cast<double>(geometry_.positions());
  const double weights = static_cast<double>(entries(weight_shape()));
  // Multiply-adds for one pair of inputs and one pair of probes.
  const double by_pairs =
      positions * positions *
      (static_cast<double>(weight_shape().front()) + static_cast<double>(geometry_.patch()) / (probes * probes));
  if (by_pairs < weights) {
    return GramMethod::position_pairs;
  }
  constexpr std::int64_t kLargest = 1 << 26;  // entries of J: 256 MiB in float32
  const std::int64_t rows = left.delta.size(0) * left.delta.size(1) + right.delta.size(0) * right.delta.size(1);
  return rows * entries(weight_shape()) > kLargest ? GramMethod::slices : GramMethod::jacobian;
}

namespace {

/// Calls visit(first, count) on slices of `outputs` for which J's rows hold so much that a product is worth its call.
template <typename Visit>
void for_each_slice(std::int64_t outputs, std::int64_t patch, Visit&& visit) {
  constexpr std::int64_t kEntries = 1 << 16;  // of a row
  const std::int64_t step = std::max<std::int64_t>(1, std::min(kEntries / patch, (outputs + 1) / 2));
  for (std::int64_t first = 0; first < outputs; first += step) {
    visit(first, std::min(step, outputs - first));
  }
}

}  // namespace

void Convolution::add_sliced_gram(const GramRows& left, const GramRows& right, at::Tensor& kernel) const {
  const auto slice_of = [&](const GramRows& rows, std::int64_t first, std::int64_t count) {
    const at::Tensor delta = rows.delta.narrow(2, first, count).contiguous();
    return conv_jacobian(geometry_, rows.inputs.front(), delta).flatten(2).flatten(0, 1);
  };
  for_each_slice(weight_shape().front(), geometry_.patch(), [&](std::int64_t first, std::int64_t count) {
    const at::Tensor by_left = slice_of(left, first, count);
    const at::Tensor by_right = same_rows(left, right) ? by_left : slice_of(right, first, count);
    matmul_into(kernel, by_left, Transpose::no, by_right, Transpose::yes, 1.0);
  });
}

GramCotangents Convolution::sliced_gram_adjoint(const GramRows& left, const GramRows& right,
                                                const at::Tensor& cotangent, bool wants_input) const {
  const bool symmetric = same_rows(left, right);
  GramCotangents result;
  result.right.inputs.resize(1);
  const auto prepare = [&](const GramRows& rows, GramRows& bar) {
    bar.delta = at::empty_like(rows.delta);
    bar.inputs = {wants_input ? at::zeros_like(rows.inputs.front()) : at::Tensor()};
  };
  prepare(left, result.left);
  if (!symmetric) {
    prepare(right, result.right);
  }
  const auto delta_of = [](const GramRows& rows, std::int64_t first, std::int64_t count) {
    return rows.delta.narrow(2, first, count).contiguous();
  };
  const auto add = [&](const GramRows& rows, const at::Tensor& delta, const at::Tensor& u, std::int64_t first,
                       GramRows& bar) {
    const auto [delta_bar, input_bar] = conv_jacobian_adjoint(geometry_, rows.inputs.front(), delta, u, wants_input);
    bar.delta.narrow(2, first, delta.size(2)).copy_(delta_bar);
    if (wants_input) {
      bar.inputs.front().add_(input_bar);
    }
  };
  for_each_slice(weight_shape().front(), geometry_.patch(), [&](std::int64_t first, std::int64_t count) {
    const at::Tensor left_delta = delta_of(left, first, count);
    const at::Tensor by_left = conv_jacobian(geometry_, left.inputs.front(), left_delta).flatten(2).flatten(0, 1);
    if (symmetric) {
      add(left, left_delta, matmul(cotangent, Transpose::no, by_left, Transpose::no).mul_(2), first, result.left);
      return;
    }
    const at::Tensor right_delta = delta_of(right, first, count);
    const at::Tensor by_right = conv_jacobian(geometry_, right.inputs.front(), right_delta).flatten(2).flatten(0, 1);
    add(left, left_delta, matmul(cotangent, Transpose::no, by_right, Transpose::no), first, result.left);
    add(right, right_delta, matmul(cotangent, Transpose::yes, by_left, Transpose::no), first, result.right);
  });
  return result;
}

GramRows Convolution::as_images(const GramRows& rows) const {
  const ConvGeometry& g = geometry_;
  const at::Tensor& delta = rows.delta;
  return {{rows.inputs.front().view({-1, g.channels, g.height, g.width})},
          delta.view({delta.size(0), delta.size(1), weight_shape().front(), g.out_height(), g.out_width()}),
          {}};
}

at::Tensor Convolution::sum_positions(const at::Tensor& values) const {
  return values.flatten(2).sum(2);
}

at::Tensor Convolution::sum_by_output(const at::Tensor& values) const {
  return values.dim() == 3 ? values.sum(at::IntArrayRef{0, 2}) : values.sum(at::IntArrayRef{0, 2, 3});
}

void Convolution::add_to_positions(at::Tensor& values, const at::Tensor& terms) const {
  values.flatten(3).add_(terms.unsqueeze(3));
}

at::Tensor Convolution::weight_jacobian(const GramRows& rows) const {
  const GramRows images = as_images(rows);
  return conv_jacobian(geometry_, images.inputs.front(), images.delta).flatten(2).flatten(0, 1);
}

GramRows Convolution::weight_jacobian_adjoint(const GramRows& rows, const at::Tensor& cotangent,
                                              bool wants_input) const {
  const GramRows images = as_images(rows);
  auto [delta_bar, input_bar] =
      conv_jacobian_adjoint(geometry_, images.inputs.front(), images.delta, cotangent, wants_input);
  return {
      {wants_input ? input_bar.view(rows.inputs.front().sizes()) : input_bar}, delta_bar.view(rows.delta.sizes()), {}};
}

void Convolution::gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
                       at::Tensor& kernel, GramCache* cache) const {
  const bool symmetric = same_rows(left, right);
  if (has_bias()) {
    const at::Tensor by_left = jacobian(kBias, left, parameters);
    matmul_into(kernel, by_left, Transpose::no, symmetric ? by_left : jacobian(kBias, right, parameters),
                Transpose::yes, 1.0);
  }
  switch (choose_method(left, right, *parameters.values[kWeight], set)) {
    case GramMethod::position_pairs:
      add_position_pairs_gram(geometry_, as_images(left), as_images(right), kernel);
      return;
    case GramMethod::slices:
      add_sliced_gram(as_images(left), as_images(right), kernel);
      return;
    default:
      break;
  }
  const at::Tensor by_left = counted_jacobian(*this, kWeight, left, parameters, set);
  const at::Tensor by_right = symmetric ? by_left : counted_jacobian(*this, kWeight, right, parameters, set);
  matmul_into(kernel, by_left, Transpose::no, by_right, Transpose::yes, 1.0);
  if (cache != nullptr) {
    cache->left = by_left;
    cache->right = by_right;
  }
}

GramCotangents Convolution::gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                                         ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                                         const std::vector<bool>& wants_input) const {
  const bool symmetric = same_rows(left, right);
  const double factor = symmetric ? 2 : 1;
  GramCotangents result;
  const GramMethod method = choose_method(left, right, *parameters.values[kWeight], set);
  if (method != GramMethod::jacobian) {
    const auto adjoint = [&](const auto& rule) {
      return rule(as_images(left), as_images(right), cotangent, wants_input.front());
    };
    result = method == GramMethod::slices
                 ? adjoint([&](const auto&... rows) { return sliced_gram_adjoint(rows...); })
                 : adjoint([&](const auto&... rows) { return position_pairs_gram_adjoint(geometry_, rows...); });
    for (const auto& [rows, bar] : {std::pair(&left, &result.left), std::pair(&right, &result.right)}) {
      if (bar->delta.defined()) {
        bar->delta = bar->delta.view(rows->delta.sizes());
      }
      if (bar->inputs.front().defined()) {
        bar->inputs.front() = bar->inputs.front().view(rows->inputs.front().sizes());
      }
    }
  } else {
    const at::Tensor by_left = matmul(cotangent, Transpose::no, cache.right, Transpose::no);
    add_counted_jacobian_adjoint(*this, kWeight, left, parameters, set, symmetric ? by_left.mul_(2) : by_left,
                                 wants_input, result.left);
    if (!symmetric) {
      add_counted_jacobian_adjoint(*this, kWeight, right, parameters, set,
                                   matmul(cotangent, Transpose::yes, cache.left, Transpose::no), wants_input,
                                   result.right);
    }
  }
  if (has_bias()) {
    const at::Tensor by_left = matmul(cotangent, Transpose::no, jacobian(kBias, right, parameters), Transpose::no);
    add_jacobian_adjoint(kBias, left, parameters, by_left.mul(factor), wants_input, result.left);
    if (!symmetric) {
      add_jacobian_adjoint(kBias, right, parameters,
                           matmul(cotangent, Transpose::yes, jacobian(kBias, left, parameters), Transpose::no),
                           wants_input, result.right);
    }
  }
  return result;
}

namespace {

/// @tparam Dimensions 1 or 2
template <std::size_t Dimensions>
std::unique_ptr<Operator> make_convolution(const Declaration& declaration) {
  const Settings settings(Dimensions == 1 ? "conv1d" : "conv2d", declaration);
  const Shape& input = Dimensions == 1 ? settings.input(2, "channels x length")
                                       : settings.input(3, "images of channels x height x width");
  const auto kernel = settings.sizes("kernel", Dimensions, 1);
  const auto stride = settings.sizes_or("stride", Dimensions, 1, 1);
  const auto dilation = settings.sizes_or("dilation", Dimensions, 1, 1);
  const auto padding = settings.padding(Dimensions);
  constexpr std::size_t kLast = Dimensions - 1;
  ConvGeometry geometry;
  geometry.channels = settings.integer_or("in_channels", input[0], 1);
  geometry.height = Dimensions == 1 ? 1 : input[1];
  geometry.width = input[Dimensions];
  geometry.kernel_width = kernel[kLast];
  geometry.stride_width = stride[kLast];
  geometry.dilation_width = dilation[kLast];
  geometry.pad_left = padding[kLast];
  geometry.pad_right = padding[Dimensions + kLast];
  geometry.kernel_height = 1;
  if (Dimensions == 2) {
    geometry.kernel_height = kernel[0];
    geometry.stride_height = stride[0];
    geometry.dilation_height = dilation[0];
    geometry.pad_top = padding[0];
    geometry.pad_bottom = padding[Dimensions];
  }
  geometry.groups = settings.integer_or("groups", 1, 1);
  const std::int64_t out_channels = settings.integer("out_channels");
  if (geometry.channels != input[0]) {
    fail_input("'in_channels' is {}, but its input is {}", geometry.channels, to_string(input));
  }
  if (geometry.channels % geometry.groups != 0 || out_channels % geometry.groups != 0) {
    fail_input("its {} groups must divide its {} input and {} output channels", geometry.groups, geometry.channels,
               out_channels);
  }
  for (std::size_t axis = 0; axis < Dimensions; ++axis) {
    const std::int64_t padded = input[axis + 1] + padding[axis] + padding[Dimensions + axis];
    if (padded < (kernel[axis] - 1) * dilation[axis] + 1) {
      fail_input("its kernel of {} with dilation {} does not fit into its input of {} with padding {}",
                 to_string(kernel), to_string(dilation), to_string(input), to_string(padding));
    }
  }
  return std::make_unique<Convolution>(geometry, out_channels, Dimensions, settings.flag_or("bias", true));
}

}  // namespace

std::vector<OperatorType> convolution_types() {
  const std::vector<std::string_view> attributes{"in_channels", "out_channels", "kernel", "stride",
                                                 "padding",     "dilation",     "groups", "bias"};
  return {
      {"conv2d", "conv", "cross-correlation of images with W, plus b", attributes, make_convolution<2>,
       "[in, height, width]", "weight [out, in / groups, height, width], bias [out]"},
      {"conv1d", "conv", "the same in one dimension", attributes, make_convolution<1>, "[in, length]",
       "weight [out, in / groups, length], bias [out]"},
  };
}

}  // namespace ntt
