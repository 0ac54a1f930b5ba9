#pragma once

#include "ntt/nn/layers/elementwise.h"

namespace ntt {

/// φ(z) = max(z, 0), with φ'(0) = 0.
class Relu : public Elementwise {
 protected:
  Values evaluate(const at::Tensor& preactivation) const override;
};

}  // namespace ntt
