#include "ntt/nn/layers/linear.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/fused.h"
#include "ntt/core/gemm.h"
#include "ntt/nn/active_gram.h"

namespace ntt {
namespace {

/// The kept weights of a mask [out, in]: where each reads its input and its delta.
KeptWeights kept_weights(const at::Tensor& mask) {
  const at::Tensor places = mask.nonzero();
  return {places.select(1, 0).contiguous(), places.select(1, 1).contiguous()};
}

class MatrixProducts : public WeightProducts {
 public:
  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override {
    // repeat copies even for one row, where expand would hand out the bias itself.
    at::Tensor result = bias.defined() ? bias.repeat({inputs.size(0), 1}) : sum;
    return add_product(result, inputs, weight, Transpose::yes);
  }

  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override {
    at::Tensor result = sum;
    return add_product(result, delta, weight, Transpose::no);
  }

  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override {
    matmul_into(gradient, delta, Transpose::yes, inputs, Transpose::no, 1.0);
  }

 private:
  static at::Tensor add_product(at::Tensor& sum, const at::Tensor& rows, const at::Tensor& weight,
                                Transpose transpose) {
    if (!sum.defined()) {
      return matmul(rows, Transpose::no, weight, transpose);
    }
    matmul_into(sum, rows, Transpose::no, weight, transpose, 1.0);
    return sum;
  }
};

}  // namespace

Linear::Linear(const std::string& name, std::int64_t in_features, std::int64_t out_features)
    : WeightLayer(name, {out_features, in_features}, {in_features, 1, 1, 1, 1}, std::make_unique<MatrixProducts>()),
      in_features_(in_features),
      out_features_(out_features) {}

Shape Linear::output_shape(const Shape& input) const {
  if (input != Shape{in_features_}) {
    fail_input("a linear layer of {} inputs was given {}; put a flatten layer before it or set in_features",
               in_features_, to_string(input));
  }
  return {out_features_};
}

void Linear::gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
                  GramCache* cache) const {
  const at::Tensor deltas = matmul(merge_probes(left.delta), Transpose::no, merge_probes(right.delta), Transpose::yes);
  if (parameters == ParameterSet::active && weight().mask.defined()) {
    kernel.add_(deltas);  // the biases' part
    add_active_gram(left, right, kept_weights(weight().mask), kernel);
    return;
  }
  const at::Tensor inputs = matmul(left.input, Transpose::no, right.input, Transpose::yes).add_(1);
  add_blockwise_product(kernel, inputs, deltas);
  if (cache != nullptr) {
    cache->inputs = inputs;
    cache->deltas = deltas;
  }
}

GramCotangents Linear::gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                                    const at::Tensor& cotangent, const GramCache& cache, bool want_input) const {
  const bool symmetric = same_rows(left, right);
  const std::int64_t probes = left.delta.size(1);
  const double factor = symmetric ? 2 : 1;
  const bool active = parameters == ParameterSet::active && weight().mask.defined();
  const at::Tensor by_deltas = active ? cotangent : blockwise_product(cache.inputs, cotangent);
  GramCotangents result;
  result.left.delta =
      split_probes(matmul(by_deltas, Transpose::no, merge_probes(right.delta), Transpose::no).mul_(factor), probes);
  if (!symmetric) {
    result.right.delta =
        split_probes(matmul(by_deltas, Transpose::yes, merge_probes(left.delta), Transpose::no), probes);
  }
  if (active) {
    add_active_gram_adjoint(left, right, kept_weights(weight().mask), cotangent, want_input, result);
    return result;
  }
  if (want_input) {
    const at::Tensor by_inputs = blockwise_dot(cotangent, cache.deltas, left.input.size(0), right.input.size(0));
    result.left.input = matmul(by_inputs, Transpose::no, right.input, Transpose::no).mul_(factor);
    if (!symmetric) {
      result.right.input = matmul(by_inputs, Transpose::yes, left.input, Transpose::no);
    }
  }
  return result;
}

}  // namespace ntt
