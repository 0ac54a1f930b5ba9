#include "ntt/nn/layers/tanh.h"

#include <ATen/ATen.h>

namespace ntt {

Elementwise::Values Tanh::evaluate(const at::Tensor& preactivation) const {
  const at::Tensor output = at::tanh(preactivation);
  const at::Tensor slope = 1 - output.square();
  return {output, slope, -2 * output * slope};
}

}  // namespace ntt
