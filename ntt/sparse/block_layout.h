#pragma once

#include <cstdint>

namespace ntt {

/// A block holds so many inputs, side by side in memory: the width of one AVX-512 register, of two of AVX2, of four of
/// SSE or NEON.
inline constexpr std::int64_t kLanes = 16;

/// How a block of images lies in memory: [channels, height + 2 halo, width + 2 halo, kLanes] floats. The halo is zeros,
/// which padded convolutions and input gradients read. Flat inputs are channels of one position.
struct BlockLayout {
  std::int64_t channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t halo = 0;

  std::int64_t row() const { return (width + 2 * halo) * kLanes; }
  std::int64_t channel() const { return (height + 2 * halo) * row(); }
  std::int64_t size() const { return channels * channel(); }
  std::int64_t features() const { return channels * height * width; }
  /// Where the lanes of one value begin; y and x may reach into the halo.
  std::int64_t at(std::int64_t c, std::int64_t y, std::int64_t x) const {
    return c * channel() + (y + halo) * row() + (x + halo) * kLanes;
  }
  /// The same by the value's place in a row of [N, channels * height * width].
  std::int64_t at_feature(std::int64_t f) const { return at(f / (height * width), f / width % height, f % width); }
};

/// Calls visit(c, y, x) for every place of a layout.
template <typename Visit>
void for_each_place(const BlockLayout& layout, Visit&& visit) {
  for (std::int64_t c = 0; c < layout.channels; ++c) {
    for (std::int64_t y = 0; y < layout.height; ++y) {
      for (std::int64_t x = 0; x < layout.width; ++x) {
        visit(c, y, x);
      }
    }
  }
}

}  // namespace ntt
