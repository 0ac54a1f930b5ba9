#pragma once

#include "ntt/nn/layers/elementwise.h"

namespace ntt {

/// φ(z) = z Φ(z) with the normal distribution function Φ, not its tanh approximation (Hendrycks & Gimpel,
/// arXiv 1606.08415).
class Gelu : public Elementwise {
 protected:
  Values evaluate(const at::Tensor& preactivation) const override;
};

}  // namespace ntt
