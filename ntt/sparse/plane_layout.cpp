#include "ntt/sparse/plane_layout.h"

#include <algorithm>

#include "ntt/sparse/transposition.h"
#include "ntt/sparse/within.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/plane_layout.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntt::planes::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Calls move(tag, x) for whole vectors of a row, then for shorter ones, then for single values.
template <typename T, typename Move>
HWY_INLINE void for_each_vector(std::int64_t width, const Move& move) {
  const hn::ScalableTag<T> whole;
  const hn::CappedTag<T, 8> eight;
  const hn::CappedTag<T, 4> four;
  const hn::CappedTag<T, 1> one;
  std::int64_t x = 0;
  const auto sweep = [&](auto tag) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(tag));
    for (; x + lanes <= width; x += lanes) {
      move(tag, x);
    }
  };
  sweep(whole);
  sweep(eight);
  sweep(four);
  sweep(one);
}

/// Rows [rows, width] to rows `pitch` apart, with zeros between. May write zeros a vector beyond the last row.
template <typename T>
HWY_INLINE void spread_rows(const T* HWY_RESTRICT from, std::int64_t rows, std::int64_t width, std::int64_t pitch,
                            T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t row = 0; row < rows; ++row, from += width, to += pitch) {
    for_each_vector<T>(width, [&](auto tag, std::int64_t x) { hn::StoreU(hn::LoadU(tag, from + x), tag, to + x); });
    for (std::int64_t x = width; x < pitch; x += lanes) {
      hn::StoreU(hn::Zero(d), d, to + x);
    }
  }
}

/// The reverse.
template <typename T>
HWY_INLINE void gather_rows(const T* HWY_RESTRICT from, std::int64_t rows, std::int64_t width, std::int64_t pitch,
                            bool adds, T* HWY_RESTRICT to) {
  for (std::int64_t row = 0; row < rows; ++row, from += pitch, to += width) {
    for_each_vector<T>(width, [&](auto tag, std::int64_t x) {
      const auto values = hn::LoadU(tag, from + x);
      hn::StoreU(adds ? hn::Add(values, hn::LoadU(tag, to + x)) : values, tag, to + x);
    });
  }
}

void spread_floats(const float* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, float* to) {
  spread_rows(from, rows, width, pitch, to);
}
void spread_doubles(const double* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, double* to) {
  spread_rows(from, rows, width, pitch, to);
}
void gather_floats(const float* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, bool adds, float* to) {
  gather_rows(from, rows, width, pitch, adds, to);
}
void gather_doubles(const double* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, bool adds,
                    double* to) {
  gather_rows(from, rows, width, pitch, adds, to);
}

}  // namespace
}  // namespace ntt::planes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt::planes {
namespace {

HWY_EXPORT(spread_floats);
HWY_EXPORT(spread_doubles);
HWY_EXPORT(gather_floats);
HWY_EXPORT(gather_doubles);

void spread_rows(const float* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, float* to) {
  HWY_DYNAMIC_DISPATCH(spread_floats)(from, rows, width, pitch, to);
}
void spread_rows(const double* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, double* to) {
  HWY_DYNAMIC_DISPATCH(spread_doubles)(from, rows, width, pitch, to);
}
void gather_rows(const float* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, bool adds, float* to) {
  HWY_DYNAMIC_DISPATCH(gather_floats)(from, rows, width, pitch, adds, to);
}
void gather_rows(const double* from, std::int64_t rows, std::int64_t width, std::int64_t pitch, bool adds, double* to) {
  HWY_DYNAMIC_DISPATCH(gather_doubles)(from, rows, width, pitch, adds, to);
}

/// One phase of one image [height, width].
template <typename T>
void spread_phase(const PlaneLayout& l, const T* image, std::int64_t phase, T* to) {
  if (l.phases() == 1) {
    const std::int64_t lead = l.top * l.pitch + l.left;
    std::fill(to, to + lead, T{0});
    spread_rows(image, l.height, l.width, l.pitch, to + lead);
    std::fill(to + std::min(l.image(), lead + l.height * l.pitch), to + l.image(), T{0});
    return;
  }
  const std::int64_t first_y = phase / l.stride_width - l.top;
  const std::int64_t first_x = phase % l.stride_width - l.left;
  const Within y = within(first_y, l.stride_height, l.height, l.rows);
  const Within x = within(first_x, l.stride_width, l.width, l.pitch);
  std::fill(to, to + l.image(), T{0});
  for (std::int64_t row = y.begin; row < y.end; ++row) {
    const T* from = image + (first_y + row * l.stride_height) * l.width + first_x;
    for (std::int64_t i = x.begin; i < x.end; ++i) {
      to[row * l.pitch + i] = from[i * l.stride_width];
    }
  }
}

template <typename T>
void spread_images(const PlaneLayout& l, const T* images, std::int64_t count, T* planes) {
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
void spread_values(const PlaneLayout& l, const T* rows, std::int64_t count, T* planes) {
  std::fill(planes, planes + l.before, T{0});
  transpose(rows, l.channels, count, l.channels, planes + l.before, l.plane, false);
  for (std::int64_t c = 0; c < l.channels; ++c) {
    std::fill(planes + l.at(c, 0) + count, planes + l.at(c, 0) + l.plane, T{0});
  }
  std::fill(planes + l.size() - l.behind, planes + l.size(), T{0});
}

/// One channel of one image, of which the phases lie `plane` apart.
template <typename T>
void gather_channel(const PlaneLayout& l, const T* planes, bool adds, T* image) {
  if (l.phases() == 1) {
    gather_rows(planes + l.top * l.pitch + l.left, l.height, l.width, l.pitch, adds, image);
    return;
  }
  for (std::int64_t phase = 0; phase < l.phases(); ++phase) {
    const std::int64_t first_y = phase / l.stride_width - l.top;
    const std::int64_t first_x = phase % l.stride_width - l.left;
    const Within y = within(first_y, l.stride_height, l.height, l.rows);
    const Within x = within(first_x, l.stride_width, l.width, l.pitch);
    for (std::int64_t row = y.begin; row < y.end; ++row) {
      T* to = image + (first_y + row * l.stride_height) * l.width + first_x;
      for (std::int64_t i = x.begin; i < x.end; ++i) {
        T& value = to[i * l.stride_width];
        value = planes[phase * l.plane + row * l.pitch + i] + (adds ? value : T{0});
      }
    }
  }
}

template <typename T>
void gather_images(const PlaneLayout& l, const T* planes, std::int64_t count, bool adds, T* images) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t channel = 0; channel < l.channels; ++channel) {
      gather_channel(l, planes + l.at(channel, 0) + i * l.image(), adds,
                     images + i * l.entries() + channel * l.height * l.width);
    }
  }
}

bool is_flat(const PlaneLayout& l) {
  return l.image() == 1 && l.height * l.width == 1;
}

template <typename T>
void spread_any(const PlaneLayout& l, const T* images, std::int64_t count, T* planes) {
  is_flat(l) ? spread_values(l, images, count, planes) : spread_images(l, images, count, planes);
}

template <typename T>
void gather_any(const PlaneLayout& l, const T* planes, std::int64_t count, bool adds, T* images) {
  is_flat(l) ? transpose(planes + l.before, l.plane, l.channels, count, images, l.channels, adds)
             : gather_images(l, planes, count, adds, images);
}

}  // namespace

void spread(const PlaneLayout& layout, const float* images, std::int64_t count, float* planes) {
  spread_any(layout, images, count, planes);
}
void spread(const PlaneLayout& layout, const double* images, std::int64_t count, double* planes) {
  spread_any(layout, images, count, planes);
}

void gather(const PlaneLayout& layout, const float* planes, std::int64_t count, bool adds, float* images) {
  gather_any(layout, planes, count, adds, images);
}
void gather(const PlaneLayout& layout, const double* planes, std::int64_t count, bool adds, double* images) {
  gather_any(layout, planes, count, adds, images);
}

}  // namespace ntt::planes
#endif
