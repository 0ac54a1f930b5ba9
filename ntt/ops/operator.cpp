#include "ntt/ops/operator.h"

#include <ATen/ATen.h>

namespace ntt {

at::Tensor add_defined(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined()) {
    return b;
  }
  return b.defined() ? a + b : a;
}

void accumulate(at::Tensor& sum, const at::Tensor& term) {
  sum = add_defined(sum, term);
}

at::Tensor merge_probes(const at::Tensor& values) {
  return values.flatten(0, 1);
}

at::Tensor split_probes(const at::Tensor& values, std::int64_t probes) {
  std::vector<std::int64_t> shape = values.sizes().vec();
  shape[0] /= probes;
  shape.insert(shape.begin() + 1, probes);
  return values.view(shape);
}

}  // namespace ntt
