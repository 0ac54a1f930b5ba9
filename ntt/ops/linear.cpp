#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/core/fused.h"
#include "ntt/core/gemm.h"
#include "ntt/ops/active_gram.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/weight_operator.h"

namespace ntt {
namespace {

/// Of inputs [n, ..., in] and outputs [n, ..., out].
class MatrixProducts : public WeightProducts {
 public:
  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override {
    const at::Tensor rows = inputs.view({-1, weight.size(1)});
    // repeat copies even for one row, where expand would hand out the bias itself.
    at::Tensor result = bias.defined() ? bias.repeat({rows.size(0), 1}) : sum;
    return add_product(result, rows, weight, Transpose::yes, inputs);
  }

  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override {
    at::Tensor result = sum;
    return add_product(result, delta.view({-1, weight.size(0)}), weight, Transpose::no, delta);
  }

  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override {
    matmul_into(gradient, delta.view({-1, gradient.size(0)}), Transpose::yes, inputs.view({-1, gradient.size(1)}),
                Transpose::no, 1.0);
  }

 private:
  /// Rows of the product with the leading sides of `like`.
  static at::Tensor add_product(at::Tensor& sum, const at::Tensor& rows, const at::Tensor& weight, Transpose transpose,
                                const at::Tensor& like) {
    Shape sizes = like.sizes().vec();
    sizes.back() = transpose == Transpose::yes ? weight.size(0) : weight.size(1);
    if (!sum.defined()) {
      return matmul(rows, Transpose::no, weight, transpose).view(sizes);
    }
    at::Tensor flat = sum.view({-1, sizes.back()});
    matmul_into(flat, rows, Transpose::no, weight, transpose, 1.0);
    return sum.view(sizes);
  }
};

/// y = x Wᵀ + b on the last axis, with W [out, in] and b [out].
class Linear : public WeightOperator {
 public:
  Linear(Shape output, std::int64_t in_features, std::int64_t out_features, bool has_bias)
      : WeightOperator(std::move(output), {out_features, in_features}, has_bias) {}

  std::int64_t multiply_adds() const override { return positions() * entries(weight_shape()); }

  /// One position, all parameters: (a aᵀ + 1) ⊙ δ δᵀ; active ones: the Jacobian at the kept weights times its
  /// transpose, plus δ δᵀ. Several positions: by their Jacobians.
  void gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
            at::Tensor& kernel, GramCache* cache) const override;
  GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                              ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                              const std::vector<bool>& wants_input) const override;

 protected:
  const WeightProducts& dense() const override { return products_; }

  at::Tensor sum_positions(const at::Tensor& values) const override {
    return positions() == 1 ? values.view({values.size(0), -1}) : values.view({values.size(0), positions(), -1}).sum(1);
  }

  at::Tensor sum_by_output(const at::Tensor& values) const override {
    return values.view({-1, weight_shape().front()}).sum(0);
  }

  void add_to_positions(at::Tensor& values, const at::Tensor& terms) const override {
    values.view({terms.size(0), terms.size(1), positions(), terms.size(2)}).add_(terms.unsqueeze(2));
  }

  at::Tensor weight_jacobian(const GramRows& rows) const override {
    const auto [deltas, inputs] = by_position(rows);
    return batched_matmul(deltas, Transpose::yes, inputs, Transpose::no).flatten(1);
  }

  GramRows weight_jacobian_adjoint(const GramRows& rows, const at::Tensor& cotangent, bool wants_input) const override {
    const auto [deltas, inputs] = by_position(rows);
    const at::Tensor u = cotangent.view({-1, weight_shape()[0], weight_shape()[1]});
    GramRows bar;
    bar.delta = batched_matmul(inputs, Transpose::no, u, Transpose::yes).view(rows.delta.sizes());
    bar.inputs.resize(1);
    if (wants_input) {
      const at::Tensor by_probe = batched_matmul(deltas, Transpose::no, u, Transpose::no);
      bar.inputs.front() = split_probes(by_probe, rows.delta.size(1)).sum(1).view(rows.inputs.front().sizes());
    }
    return bar;
  }

 private:
  std::int64_t positions() const { return entries(output_shape()) / weight_shape().front(); }

  /// Deltas [n*k, positions, out], and the inputs [n*k, positions, in] that belong to them.
  std::pair<at::Tensor, at::Tensor> by_position(const GramRows& rows) const {
    const std::int64_t probes = rows.delta.size(1);
    const at::Tensor inputs = rows.inputs.front().reshape({-1, 1, positions(), weight_shape()[1]});
    // Of one input, the copies that reshape gives would be one and the same memory.
    return {rows.delta.reshape({-1, positions(), weight_shape()[0]}),
            inputs.expand({-1, probes, -1, -1}).reshape({-1, positions(), weight_shape()[1]}).contiguous()};
  }

  MatrixProducts products_;
};

void Linear::gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
                  at::Tensor& kernel, GramCache* cache) const {
  if (positions() > 1) {
    ParametricOperator::gram(left, right, parameters, set, kernel, cache);
    return;
  }
  const at::Tensor deltas = matmul(merge_probes(left.delta), Transpose::no, merge_probes(right.delta), Transpose::yes);
  const Parameter& weight = *parameters.values[kWeight];
  if (counts_active_only(weight, set)) {
    if (has_bias()) {
      kernel.add_(deltas);
    }
    add_active_gram(left, right, *weight.pattern, kernel);
    return;
  }
  const at::Tensor inputs = matmul(left.inputs.front(), Transpose::no, right.inputs.front(), Transpose::yes);
  if (has_bias()) {
    inputs.add_(1);
  }
  add_blockwise_product(kernel, inputs, deltas);
  if (cache != nullptr) {
    cache->inputs = inputs;
    cache->deltas = deltas;
  }
}

GramCotangents Linear::gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                                    ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                                    const std::vector<bool>& wants_input) const {
  if (positions() > 1) {
    return ParametricOperator::gram_adjoint(left, right, parameters, set, cotangent, cache, wants_input);
  }
  const bool symmetric = same_rows(left, right);
  const std::int64_t probes = left.delta.size(1);
  const double factor = symmetric ? 2 : 1;
  const Parameter& weight = *parameters.values[kWeight];
  const bool active = counts_active_only(weight, set);
  GramCotangents result;
  result.left.inputs.resize(1);
  result.right.inputs.resize(1);
  if (!active || has_bias()) {
    const at::Tensor by_deltas = active ? cotangent : blockwise_product(cache.inputs, cotangent);
    result.left.delta =
        split_probes(matmul(by_deltas, Transpose::no, merge_probes(right.delta), Transpose::no).mul_(factor), probes);
    if (!symmetric) {
      result.right.delta =
          split_probes(matmul(by_deltas, Transpose::yes, merge_probes(left.delta), Transpose::no), probes);
    }
  }
  if (active) {
    add_active_gram_adjoint(left, right, *weight.pattern, cotangent, wants_input.front(), result);
    return result;
  }
  if (wants_input.front()) {
    const at::Tensor& left_input = left.inputs.front();
    const at::Tensor& right_input = right.inputs.front();
    const at::Tensor by_inputs = blockwise_dot(cotangent, cache.deltas, left_input.size(0), right_input.size(0));
    result.left.inputs.front() = matmul(by_inputs, Transpose::no, right_input, Transpose::no).mul_(factor);
    if (!symmetric) {
      result.right.inputs.front() = matmul(by_inputs, Transpose::yes, left_input, Transpose::no);
    }
  }
  return result;
}

std::unique_ptr<Operator> make_linear(const Declaration& declaration) {
  const Settings settings("linear", declaration);
  settings.check_inputs(1, 1);
  const Shape& input = settings.inputs().front();
  if (input.empty()) {
    fail_input("it needs features on the last axis, but its input is a single number without axes");
  }
  if (input.size() == 3 && !settings.has("in_features")) {
    fail_input("it needs features on the last axis, but its input is an image of {}: put a flatten layer before it",
               to_string(input));
  }
  const std::int64_t in_features = settings.integer_or("in_features", input.back(), 1);
  if (in_features != input.back()) {
    fail_input("a linear layer of {} inputs was given {}; put a flatten layer before it or set in_features",
               in_features, to_string(input));
  }
  Shape output = input;
  output.back() = settings.integer("out_features");
  return std::make_unique<Linear>(output, in_features, output.back(), settings.flag_or("bias", true));
}

}  // namespace

std::vector<OperatorType> linear_types() {
  return {{"linear",
           "fc",
           "x Wᵀ + b on the last axis",
           {"in_features", "out_features", "bias"},
           make_linear,
           "[..., in]",
           "weight [out, in], bias [out]"}};
}

}  // namespace ntt
