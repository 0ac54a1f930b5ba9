#pragma once

#include "ntt/nn/network.h"

namespace ntt {

/// Densities below which sparse execution is faster, as measured (docs/performance.md, "Sparse execution").
struct BreakEven {
  double linear;
  double convolution;
};

inline constexpr BreakEven kTrainingBreakEven{0.9, 0.45};
inline constexpr BreakEven kInferenceBreakEven{0.9, 0.45};

/// Whether the network's stored weights alone make a faster step of training, or a faster answer, than all of its
/// weights, on the CPU: each layer counts by its multiply-adds. False where the network cannot be executed so at all.
bool sparse_training_pays(const Network& network);
bool sparse_inference_pays(const Network& network);

}  // namespace ntt
