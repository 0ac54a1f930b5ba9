#pragma once

#include <cstdint>
#include <vector>

namespace ntt::planes {

/// How some images [channels, height, width] lie for sums of shifted planes: with zeros around each, and split by
/// position modulo the strides (the phase), so that all that the outputs read through one tap of a kernel lies in one
/// run. A plane holds one phase of one channel: images one after another, each `rows` rows of `pitch` values.
struct PlaneLayout {
  std::int64_t channels = 0, height = 1, width = 1;
  std::int64_t top = 0, left = 0;  ///< zeros above and on the left of an image
  std::int64_t stride_height = 1, stride_width = 1;
  std::int64_t rows = 1, pitch = 1;     ///< of one image in one plane
  std::int64_t plane = 0;               ///< from one plane to the next; zeros where no image is
  std::int64_t before = 0, behind = 0;  ///< zeros before the first plane and behind the last
  /// Channels that nobody reads, of which spread() writes only the zeros behind; empty: none.
  std::vector<char> unread;

  std::int64_t phases() const { return stride_height * stride_width; }
  std::int64_t image() const { return rows * pitch; }
  std::int64_t entries() const { return channels * height * width; }
  /// Where a plane begins.
  std::int64_t at(std::int64_t channel, std::int64_t phase) const {
    return before + (channel * phases() + phase) * plane;
  }
  std::int64_t size() const { return at(channels, 0) + behind; }
};

/// Lengths of planes are multiples of it: whole vectors of any type on any processor. The memory of planes must hold as
/// much beyond their size(), since whole vectors are written there.
inline constexpr std::int64_t kStep = 16;

/// Copies `count` images, one after another in memory, into planes, and writes the zeros.
void spread(const PlaneLayout& layout, const float* images, std::int64_t count, float* planes);
void spread(const PlaneLayout& layout, const double* images, std::int64_t count, double* planes);

/// The reverse: takes images from planes, or adds to them.
void gather(const PlaneLayout& layout, const float* planes, std::int64_t count, bool adds, float* images);
void gather(const PlaneLayout& layout, const double* planes, std::int64_t count, bool adds, double* images);

}  // namespace ntt::planes
