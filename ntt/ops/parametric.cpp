#include "ntt/ops/parametric.h"

#include <ATen/ATen.h>

#include "ntt/core/gemm.h"

namespace ntt {
namespace {

const SparsityPattern* counted_pattern(const Parameter& parameter, ParameterSet set) {
  return set == ParameterSet::active ? parameter.pattern.get() : nullptr;
}

}  // namespace

bool same_rows(const GramRows& left, const GramRows& right) {
  return left.delta.data_ptr() == right.delta.data_ptr() && left.delta.sizes() == right.delta.sizes();
}

at::Tensor counted_jacobian(const ParametricOperator& op, std::size_t parameter, const GramRows& rows,
                            const NodeParameters& parameters, ParameterSet set) {
  const at::Tensor all = op.jacobian(parameter, rows, parameters);
  const SparsityPattern* pattern = counted_pattern(*parameters.values[parameter], set);
  return pattern == nullptr ? all : all.index_select(1, pattern->indices());
}

void add_counted_jacobian_adjoint(const ParametricOperator& op, std::size_t parameter, const GramRows& rows,
                                  const NodeParameters& parameters, ParameterSet set, const at::Tensor& cotangent,
                                  const std::vector<bool>& wants_input, GramRows& into) {
  const SparsityPattern* pattern = counted_pattern(*parameters.values[parameter], set);
  at::Tensor all = cotangent;
  if (pattern != nullptr) {
    all = at::zeros({cotangent.size(0), pattern->entries()}, cotangent.options());
    all.index_copy_(1, pattern->indices(), cotangent);
  }
  op.add_jacobian_adjoint(parameter, rows, parameters, all, wants_input, into);
}

void ParametricOperator::gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                              ParameterSet set, at::Tensor& kernel, GramCache* /*cache*/) const {
  for (std::size_t p = 0; p < parameters.values.size(); ++p) {
    if (is_trained(parameters.values[p]->role)) {
      const at::Tensor by_left = counted_jacobian(*this, p, left, parameters, set);
      const at::Tensor by_right = same_rows(left, right) ? by_left : counted_jacobian(*this, p, right, parameters, set);
      matmul_into(kernel, by_left, Transpose::no, by_right, Transpose::yes, 1.0);
    }
  }
}

GramCotangents ParametricOperator::gram_adjoint(const GramRows& left, const GramRows& right,
                                                const NodeParameters& parameters, ParameterSet set,
                                                const at::Tensor& cotangent, const GramCache& /*cache*/,
                                                const std::vector<bool>& wants_input) const {
  const bool symmetric = same_rows(left, right);
  GramCotangents result;
  for (std::size_t p = 0; p < parameters.values.size(); ++p) {
    if (!is_trained(parameters.values[p]->role)) {
      continue;
    }
    const at::Tensor by_left = counted_jacobian(*this, p, left, parameters, set);
    const at::Tensor by_right = symmetric ? by_left : counted_jacobian(*this, p, right, parameters, set);
    at::Tensor left_bar = matmul(cotangent, Transpose::no, by_right, Transpose::no);
    if (symmetric) {
      left_bar.mul_(2);
    } else {
      add_counted_jacobian_adjoint(*this, p, right, parameters, set,
                                   matmul(cotangent, Transpose::yes, by_left, Transpose::no), wants_input,
                                   result.right);
    }
    add_counted_jacobian_adjoint(*this, p, left, parameters, set, left_bar, wants_input, result.left);
  }
  return result;
}

}  // namespace ntt
