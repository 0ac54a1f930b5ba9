#pragma once

#include <cstdint>

#include "ntt/core/api.h"
#include "ntt/data/dataset.h"

namespace ntt {

/// Draws the built-in data set: ten classes of line figures, uint8 [N,1,28,28], each under a random affine map, warp,
/// stroke width, occlusion and noise. Image i of a part depends on (seed, part, i) alone; its class is i mod 10.
NTT_API Dataset draw_glyphs(std::int64_t train_count = 10000, std::int64_t test_count = 2000, std::uint64_t seed = 0);

}  // namespace ntt
