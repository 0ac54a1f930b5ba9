#pragma once

#include <limits>
#include <optional>

#include "ntt/graph/graph.h"

namespace ntt {

/// An activation that the kernels know: max(low, min(high, x)), and others applied after it.
struct Activation {
  enum class Kind { clamp, leaky_relu, sigmoid, silu, tanh, hard_sigmoid, hard_swish };

  Kind kind = Kind::clamp;
  float low = kNone;    ///< of clamp
  float high = -kNone;  ///< of clamp
  float slope = 0;      ///< of leaky_relu and hard_sigmoid
  float offset = 0;     ///< of hard_sigmoid

  bool identity() const { return kind == Kind::clamp && low == kNone && high == -kNone; }

  static constexpr float kNone = -std::numeric_limits<float>::infinity();
};

/// The activation of a node, if the kernels know it.
std::optional<Activation> activation_of(const Node& node);

}  // namespace ntt
