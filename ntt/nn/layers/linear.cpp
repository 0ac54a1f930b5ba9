#include "ntt/nn/layers/linear.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/fused.h"
#include "ntt/core/gemm.h"
#include "ntt/nn/active_gram.h"
#include "ntt/nn/initialise.h"

namespace ntt {
namespace {

/// The kept weights of a mask [out, in]: where each reads its input and its delta.
KeptWeights kept_weights(const at::Tensor& mask) {
  const at::Tensor places = mask.nonzero();
  return {places.select(1, 0).contiguous(), places.select(1, 1).contiguous()};
}

}  // namespace

Linear::Linear(std::string name, std::int64_t in_features, std::int64_t out_features)
    : in_features_(in_features), out_features_(out_features) {
  weight_.name = name + ".weight";
  weight_.shape = {out_features, in_features};
  weight_.prunable = true;
  bias_.name = std::move(name) + ".bias";
  bias_.shape = {out_features};
}

Shape Linear::output_shape(const Shape& input) const {
  if (input != Shape{in_features_}) {
    fail_input("a linear layer of {} inputs was given {}; put a flatten layer before it or set in_features",
               in_features_, to_string(input));
  }
  return {out_features_};
}

at::Tensor Linear::forward(const at::Tensor& input, Tape& tape) const {
  tape.input = input;
  // repeat copies even for one row, where expand would hand out the bias itself.
  at::Tensor output = bias_.effective.repeat({input.size(0), 1});
  matmul_into(output, input, Transpose::no, weight_.effective, Transpose::yes, 1.0);
  return output;
}

at::Tensor Linear::pullback(const at::Tensor& delta, Tape& tape) const {
  tape.delta = delta;
  if (!tape.needs_input_cotangent) {
    return {};
  }
  return split_probes(matmul(merge_probes(delta), Transpose::no, weight_.effective, Transpose::no), delta.size(1));
}

at::Tensor Linear::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined()) {
    return tape.delta_bar;
  }
  const at::Tensor rows = merge_probes(cotangent);
  matmul_into(weight_.gradient, merge_probes(tape.delta), Transpose::yes, rows, Transpose::no, 1.0);
  if (!tape.needs_output_cotangent) {
    return {};
  }
  at::Tensor result = tape.delta_bar.defined() ? merge_probes(tape.delta_bar)
                                               : at::zeros({rows.size(0), out_features_}, rows.options());
  matmul_into(result, rows, Transpose::no, weight_.effective, Transpose::yes, 1.0);
  return split_probes(result, cotangent.size(1));
}

at::Tensor Linear::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined()) {
    return tape.input_bar;
  }
  matmul_into(weight_.gradient, cotangent, Transpose::yes, tape.input, Transpose::no, 1.0);
  bias_.gradient.add_(cotangent.sum(0));
  if (!tape.needs_input_cotangent) {
    return {};
  }
  at::Tensor result = tape.input_bar.defined() ? tape.input_bar : at::zeros_like(tape.input);
  matmul_into(result, cotangent, Transpose::no, weight_.effective, Transpose::no, 1.0);
  return result;
}

void Linear::gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
                  GramCache* cache) const {
  const at::Tensor deltas = matmul(merge_probes(left.delta), Transpose::no, merge_probes(right.delta), Transpose::yes);
  if (parameters == ParameterSet::active && weight_.mask.defined()) {
    kernel.add_(deltas);  // the biases' part
    add_active_gram(left, right, kept_weights(weight_.mask), kernel);
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
  const bool active = parameters == ParameterSet::active && weight_.mask.defined();
  const at::Tensor by_deltas = active ? cotangent : blockwise_product(cache.inputs, cotangent);
  GramCotangents result;
  result.left.delta =
      split_probes(matmul(by_deltas, Transpose::no, merge_probes(right.delta), Transpose::no).mul_(factor), probes);
  if (!symmetric) {
    result.right.delta =
        split_probes(matmul(by_deltas, Transpose::yes, merge_probes(left.delta), Transpose::no), probes);
  }
  if (active) {
    add_active_gram_adjoint(left, right, kept_weights(weight_.mask), cotangent, want_input, result);
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

void Linear::collect_parameters(std::vector<Parameter*>& into) {
  into.push_back(&weight_);
  into.push_back(&bias_);
}

void Linear::initialise(RandomStream& stream, at::ScalarType dtype) {
  initialise_glorot(weight_, bias_, stream, dtype);
}

}  // namespace ntt
