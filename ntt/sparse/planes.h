#pragma once

#include <cstdint>
#include <vector>

#include "ntt/sparse/block_layout.h"

namespace ntt {

/// How a value of one input lies in memory during inference: positions side by side, channel after channel, so that a
/// convolution is a sum of shifted planes. Rows are `pitch` floats apart; the floats between them, before the first
/// plane and behind each plane are zeros, which padded convolutions read. All values with images of one size lie alike.
/// Values without positions are one row of features.
struct Planes {
  std::int64_t channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t pitch = 1;   ///< from row to row
  std::int64_t plane = 1;   ///< from channel to channel: a multiple of kVector, but 1 of features
  std::int64_t before = 0;  ///< zeros before the first plane: a multiple of kVector
  std::int64_t behind = 0;  ///< floats behind the last plane that are read, if not used

  /// Planes begin and end at multiples of it: whole registers of any processor.
  static constexpr std::int64_t kVector = kLanes;

  bool features() const { return height * width == 1; }
  /// From the first position to the last one, in whole registers.
  std::int64_t run() const { return features() ? 1 : ((height - 1) * pitch + width + kVector - 1) / kVector * kVector; }
  std::int64_t at(std::int64_t channel, std::int64_t y, std::int64_t x) const {
    return before + channel * plane + y * pitch + x;
  }
  std::int64_t size() const { return (before + channels * plane + behind + kVector - 1) / kVector * kVector; }
};

/// A copy of planes for a convolution of another stride or size: the positions that one tap of the kernel reads lie
/// side by side, as the output's do. Each channel has a plane for each phase, position modulo stride, that some tap
/// reads.
struct PhaseCopy {
  struct Phase {
    std::int64_t y = 0;  ///< of the first value in the padded image
    std::int64_t x = 0;
  };

  std::vector<Phase> phases;
  std::int64_t stride_height = 1;
  std::int64_t stride_width = 1;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
  std::int64_t rows = 1;     ///< of a plane
  std::int64_t columns = 1;  ///< of each row that are read
  Planes to;                 ///< channels are channels times phases
};

}  // namespace ntt
