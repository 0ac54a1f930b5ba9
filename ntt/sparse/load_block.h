#pragma once

#include <cstdint>

#include "ntt/sparse/block_layout.h"

namespace ntt {

/// Neighbouring features that are brought into a block at once.
inline constexpr std::int64_t kLoadedTogether = 4;

/// Writes features first to first + 3 of kLanes inputs side by side: [4, kLanes] floats.
void load_features(const float* const* inputs, std::int64_t first, float* lanes);

}  // namespace ntt
