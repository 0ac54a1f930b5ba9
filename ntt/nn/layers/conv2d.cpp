#include "ntt/nn/layers/conv2d.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/gemm.h"
#include "ntt/nn/layers/conv2d_position_pairs.h"

namespace ntt {
namespace {

/// δ summed over positions: the Jacobian by the biases, [n*k, out].
at::Tensor bias_jacobian(const GramRows& rows) {
  return merge_probes(rows.delta).sum({2, 3});
}

class ConvProducts : public WeightProducts {
 public:
  explicit ConvProducts(const ConvGeometry& geometry) : geometry_(geometry) {}

  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override {
    return conv_forward(geometry_, inputs, weight, bias, sum);
  }

  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override {
    return conv_backward_images(geometry_, delta, weight, sum);
  }

  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override {
    conv_add_weight_gradient(geometry_, inputs, delta, gradient);
  }

 private:
  ConvGeometry geometry_;
};

}  // namespace

Conv2d::Conv2d(const std::string& name, std::int64_t out_channels, ConvGeometry geometry, GramMethod gram_method)
    : WeightLayer(name, {out_channels, geometry.channels, geometry.kernel_height, geometry.kernel_width}, geometry,
                  std::make_unique<ConvProducts>(geometry)),
      out_channels_(out_channels),
      geometry_(geometry),
      gram_method_(gram_method) {}

Shape Conv2d::output_shape(const Shape& input) const {
  if (input != Shape{geometry_.channels, geometry_.height, geometry_.width}) {
    fail_input("a conv2d layer for inputs of {}x{}x{} was given {}", geometry_.channels, geometry_.height,
               geometry_.width, to_string(input));
  }
  return {out_channels_, geometry_.out_height(), geometry_.out_width()};
}

bool Conv2d::counts_active_only(ParameterSet parameters) const {
  return parameters == ParameterSet::active && weight().mask.defined();
}

bool Conv2d::sums_position_pairs(const GramRows& left, ParameterSet parameters) const {
  if (gram_method_ != GramMethod::automatic) {
    return gram_method_ == GramMethod::position_pairs && !counts_active_only(parameters);
  }
  const double probes = static_cast<double>(left.delta.size(1));
  const double positions = static_cast<double>(geometry_.positions());
  const double weights = static_cast<double>(weight().value.numel());
  // Multiply-adds for one pair of inputs and one pair of probes.
  const double by_pairs =
      positions * positions *
      (static_cast<double>(out_channels_) + static_cast<double>(geometry_.patch()) / (probes * probes));
  return !counts_active_only(parameters) && by_pairs < weights;
}

at::Tensor Conv2d::kept_places() const {
  return weight().mask.flatten().nonzero().squeeze(1);
}

at::Tensor Conv2d::jacobian(const GramRows& rows, ParameterSet parameters) const {
  const at::Tensor dense = conv_jacobian(geometry_, rows.input, rows.delta).flatten(2).flatten(0, 1);
  return counts_active_only(parameters) ? dense.index_select(1, kept_places()) : dense;
}

GramRows Conv2d::jacobian_adjoint(const GramRows& rows, ParameterSet parameters, const at::Tensor& cotangent,
                                  bool want_input) const {
  at::Tensor dense = cotangent;
  if (counts_active_only(parameters)) {
    dense = at::zeros({cotangent.size(0), weight().value.numel()}, cotangent.options());
    dense.index_copy_(1, kept_places(), cotangent);
  }
  auto [delta_bar, input_bar] = conv_jacobian_adjoint(geometry_, rows.input, rows.delta, dense, want_input);
  return {input_bar, delta_bar};
}

void Conv2d::gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
                  GramCache* cache) const {
  const bool symmetric = same_rows(left, right);
  const at::Tensor left_bias = bias_jacobian(left);
  matmul_into(kernel, left_bias, Transpose::no, symmetric ? left_bias : bias_jacobian(right), Transpose::yes, 1.0);
  if (sums_position_pairs(left, parameters)) {
    add_position_pairs_gram(geometry_, left, right, kernel);
    return;
  }
  const at::Tensor left_jacobian = jacobian(left, parameters);
  const at::Tensor right_jacobian = symmetric ? left_jacobian : jacobian(right, parameters);
  matmul_into(kernel, left_jacobian, Transpose::no, right_jacobian, Transpose::yes, 1.0);
  if (cache != nullptr) {
    cache->left = left_jacobian;
    cache->right = right_jacobian;
  }
}

GramCotangents Conv2d::gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                                    const at::Tensor& cotangent, const GramCache& cache, bool want_input) const {
  const bool symmetric = same_rows(left, right);
  const double factor = symmetric ? 2 : 1;
  GramCotangents result;
  if (sums_position_pairs(left, parameters)) {
    result = position_pairs_gram_adjoint(geometry_, left, right, cotangent, want_input);
  } else {
    const at::Tensor by_left = matmul(cotangent, Transpose::no, cache.right, Transpose::no);
    result.left = jacobian_adjoint(left, parameters, symmetric ? by_left * factor : by_left, want_input);
    if (!symmetric) {
      const at::Tensor by_right = matmul(cotangent, Transpose::yes, cache.left, Transpose::no);
      result.right = jacobian_adjoint(right, parameters, by_right, want_input);
    }
  }
  const auto add_bias_part = [](at::Tensor& delta_bar, const at::Tensor& by_sums) {
    delta_bar.add_(by_sums.view({delta_bar.size(0), delta_bar.size(1), delta_bar.size(2), 1, 1}));
  };
  add_bias_part(result.left.delta, matmul(cotangent, Transpose::no, bias_jacobian(right), Transpose::no).mul_(factor));
  if (!symmetric) {
    add_bias_part(result.right.delta, matmul(cotangent, Transpose::yes, bias_jacobian(left), Transpose::no));
  }
  return result;
}

}  // namespace ntt
