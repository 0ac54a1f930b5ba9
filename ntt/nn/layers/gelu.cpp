#include "ntt/nn/layers/gelu.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace ntt {

Elementwise::Values Gelu::evaluate(const at::Tensor& preactivation) const {
  const double normaliser = 1 / std::sqrt(2 * std::numbers::pi);
  const at::Tensor& z = preactivation;
  const at::Tensor distribution = 0.5 * (1 + at::erf(z / std::numbers::sqrt2));
  const at::Tensor density = normaliser * at::exp(-0.5 * z.square());
  return {z * distribution, distribution + z * density, density * (2 - z.square())};
}

}  // namespace ntt
