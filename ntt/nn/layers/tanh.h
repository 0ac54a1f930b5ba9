#pragma once

#include "ntt/nn/layers/elementwise.h"

namespace ntt {

/// φ(z) = tanh z.
class Tanh : public Elementwise {
 protected:
  Values evaluate(const at::Tensor& preactivation) const override;
};

}  // namespace ntt
