#include "ntt/ops/linear_map.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

namespace ntt {

at::Tensor LinearMap::forward(const Tensors& inputs, const NodeParameters& /*parameters*/, NodeTape& /*tape*/) const {
  return apply(inputs);
}

Tensors LinearMap::pullback(const at::Tensor& delta, const NodeParameters& /*parameters*/, NodeTape& tape) const {
  if (std::ranges::none_of(tape.wants_input, std::identity())) {
    return Tensors(tape.wants_input.size());
  }
  Tensors results = apply_transpose(merge_probes(delta), tape.wants_input);
  for (at::Tensor& result : results) {
    if (result.defined()) {
      result = split_probes(result, delta.size(1));
    }
  }
  return results;
}

at::Tensor LinearMap::pullback_adjoint(const Tensors& cotangents, const NodeParameters& /*parameters*/, NodeTape& tape,
                                       Tensors& /*gradients*/) const {
  const auto defined = std::ranges::find_if(cotangents, [](const at::Tensor& c) { return c.defined(); });
  if (defined == cotangents.end() || !tape.wants_delta_bar) {
    return {};
  }
  Tensors rows;
  for (const at::Tensor& cotangent : cotangents) {
    rows.push_back(cotangent.defined() ? merge_probes(cotangent) : cotangent);
  }
  return split_probes(apply(rows), defined->size(1));
}

Tensors LinearMap::forward_adjoint(const at::Tensor& cotangent, const NodeParameters& /*parameters*/, NodeTape& tape,
                                   Tensors& /*gradients*/) const {
  if (!cotangent.defined() || std::ranges::none_of(tape.wants_input, std::identity())) {
    return Tensors(tape.wants_input.size());
  }
  return apply_transpose(cotangent, tape.wants_input);
}

}  // namespace ntt
