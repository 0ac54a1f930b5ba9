#include "ntt/sparse/plane_layout.h"

#include <algorithm>

#include "ntt/core/copy_short.h"
#include "ntt/core/simd.h"
#include "ntt/sparse/transposition.h"

namespace ntt::planes {
namespace {

/// Values first, first + stride, ... of a row [width], of which `first` may lie before it, with zeros for those
/// outside.
template <typename T>
NTT_SIMD_BODY void spread_row(const T* row, std::int64_t width, std::int64_t first, std::int64_t stride,
                              std::int64_t pitch, T* to) {
  const std::int64_t begin = first >= 0 ? 0 : std::min(pitch, (-first + stride - 1) / stride);
  const std::int64_t end = std::clamp((width - first + stride - 1) / stride, begin, pitch);
  std::fill(to, to + begin, T{0});
  if (stride == 1) {
    copy_short(row + first + begin, end - begin, to + begin);
  } else {
    for (std::int64_t i = begin; i < end; ++i) {
      to[i] = row[first + i * stride];
    }
  }
  std::fill(to + end, to + pitch, T{0});
}

/// One phase of one image [height, width].
template <typename T>
NTT_SIMD_BODY void spread_phase(const PlaneLayout& l, const T* image, std::int64_t phase, T* to) {
  const std::int64_t first_y = phase / l.stride_width - l.top;
  const std::int64_t first_x = phase % l.stride_width - l.left;
  for (std::int64_t row = 0; row < l.rows; ++row, to += l.pitch) {
    const std::int64_t y = first_y + row * l.stride_height;
    if (y < 0 || y >= l.height) {
      std::fill(to, to + l.pitch, T{0});
    } else {
      spread_row(image + y * l.width, l.width, first_x, l.stride_width, l.pitch, to);
    }
  }
}

template <typename T>
NTT_SIMD_BODY void spread_images(const PlaneLayout& l, const T* images, std::int64_t count, T* planes) {
  std::fill(planes, planes + l.before, T{0});
  for (std::int64_t channel = 0; channel < l.channels; ++channel) {
    if (!l.unread.empty() && l.unread[static_cast<std::size_t>(channel)] != 0) {
      std::fill(planes + l.at(channel + 1, 0) - l.before, planes + l.at(channel + 1, 0), T{0});
      continue;
    }
    for (std::int64_t phase = 0; phase < l.phases(); ++phase) {
      T* plane = planes + l.at(channel, phase);
      for (std::int64_t i = 0; i < count; ++i) {
        spread_phase(l, images + i * l.entries() + channel * l.height * l.width, phase, plane + i * l.image());
      }
      std::fill(plane + count * l.image(), plane + l.plane, T{0});
    }
  }
  std::fill(planes + l.size() - l.behind, planes + l.size(), T{0});
}

/// Planes of one value an image, from rows [count, channels].
template <typename T>
NTT_SIMD_BODY void spread_values(const PlaneLayout& l, const T* rows, std::int64_t count, T* planes) {
  std::fill(planes, planes + l.before, T{0});
  transpose(rows, l.channels, count, l.channels, planes + l.before, l.plane, false);
  for (std::int64_t c = 0; c < l.channels; ++c) {
    std::fill(planes + l.at(c, 0) + count, planes + l.at(c, 0) + l.plane, T{0});
  }
  std::fill(planes + l.size() - l.behind, planes + l.size(), T{0});
}

template <bool Adds, typename T>
NTT_SIMD_BODY void gather_row(const T* __restrict from, std::int64_t count, std::int64_t stride, T* __restrict to) {
  constexpr std::int64_t kChunk = 8;
  std::int64_t i = 0;
  for (; stride == 1 && i + kChunk <= count; i += kChunk) {
    for (std::int64_t j = i; j < i + kChunk; ++j) {
      to[j] = Adds ? to[j] + from[j] : from[j];
    }
  }
  for (; i < count; ++i) {
    to[i * stride] = Adds ? to[i * stride] + from[i] : from[i];
  }
}

template <bool Adds, typename T>
NTT_SIMD_BODY void gather_images(const PlaneLayout& l, const T* planes, std::int64_t count, T* images) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t channel = 0; channel < l.channels; ++channel) {
      for (std::int64_t y = 0; y < l.height; ++y) {
        T* row = images + i * l.entries() + (channel * l.height + y) * l.width;
        const std::int64_t phase_y = (y + l.top) % l.stride_height * l.stride_width;
        const std::int64_t at = i * l.image() + (y + l.top) / l.stride_height * l.pitch;
        for (std::int64_t x = 0; x < std::min(l.stride_width, l.width); ++x) {
          const std::int64_t column = x + l.left;
          const T* from = planes + l.at(channel, phase_y + column % l.stride_width) + at + column / l.stride_width;
          gather_row<Adds>(from, (l.width - x + l.stride_width - 1) / l.stride_width, l.stride_width, row + x);
        }
      }
    }
  }
}

template <typename T>
NTT_SIMD_BODY void spread_any(const PlaneLayout& l, const T* images, std::int64_t count, T* planes) {
  l.image() == 1 && l.height* l.width == 1 ? spread_values(l, images, count, planes)
                                           : spread_images(l, images, count, planes);
}

template <typename T>
NTT_SIMD_BODY void gather_any(const PlaneLayout& l, const T* planes, std::int64_t count, bool adds, T* images) {
  if (l.image() == 1 && l.height * l.width == 1) {
    transpose(planes + l.before, l.plane, l.channels, count, images, l.channels, adds);
  } else {
    adds ? gather_images<true>(l, planes, count, images) : gather_images<false>(l, planes, count, images);
  }
}

}  // namespace

NTT_SIMD void spread(const PlaneLayout& layout, const float* images, std::int64_t count, float* planes) {
  spread_any(layout, images, count, planes);
}
NTT_SIMD void spread(const PlaneLayout& layout, const double* images, std::int64_t count, double* planes) {
  spread_any(layout, images, count, planes);
}

NTT_SIMD void gather(const PlaneLayout& layout, const float* planes, std::int64_t count, bool adds, float* images) {
  gather_any(layout, planes, count, adds, images);
}
NTT_SIMD void gather(const PlaneLayout& layout, const double* planes, std::int64_t count, bool adds, double* images) {
  gather_any(layout, planes, count, adds, images);
}

}  // namespace ntt::planes
