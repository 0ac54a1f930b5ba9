#include "ntt/core/depthwise_plane.h"

#include <algorithm>

#include "ntt/core/simd.h"

namespace ntt::depthwise {
namespace {

/// Vectors of one size on every processor, so that sums are taken in one order on all of them.
constexpr std::int64_t kVectorBytes = 64;
template <typename T>
struct Vector;
template <>
struct Vector<float> {
  typedef float Type __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));  // NOLINT(modernize-use-using)
};
template <>
struct Vector<double> {
  typedef double Type __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));  // NOLINT(modernize-use-using)
};
template <typename T>
constexpr std::int64_t kLanes = kVectorBytes / static_cast<std::int64_t>(sizeof(T));
/// The longest vector in entries: every length is a multiple of it.
constexpr std::int64_t kRound = kLanes<float>;

std::int64_t whole_vectors(std::int64_t count) {
  return (count + kRound - 1) / kRound * kRound;
}

template <typename T>
NTT_SIMD_BODY const typename Vector<T>::Type& vector_at(const T* values) {
  return *reinterpret_cast<const typename Vector<T>::Type*>(values);
}
template <typename T>
NTT_SIMD_BODY typename Vector<T>::Type& vector_at(T* values) {
  return *reinterpret_cast<typename Vector<T>::Type*>(values);
}

/// sums[i] += Σ_k factors[k] * sources[k][i], in registers for a few vectors of sums at a time
template <typename T>
NTT_SIMD_BODY void add_multiples_body(T* sums, const T* const* sources, const T* factors, std::int64_t terms,
                                      std::int64_t count) {
  constexpr std::int64_t kStep = kLanes<T>;
  std::int64_t i = 0;
  for (; i + 4 * kStep <= count; i += 4 * kStep) {
    auto a = vector_at(sums + i);
    auto b = vector_at(sums + i + kStep);
    auto c = vector_at(sums + i + 2 * kStep);
    auto d = vector_at(sums + i + 3 * kStep);
    for (std::int64_t k = 0; k < terms; ++k) {
      const T* source = sources[k] + i;
      a += factors[k] * vector_at(source);
      b += factors[k] * vector_at(source + kStep);
      c += factors[k] * vector_at(source + 2 * kStep);
      d += factors[k] * vector_at(source + 3 * kStep);
    }
    vector_at(sums + i) = a;
    vector_at(sums + i + kStep) = b;
    vector_at(sums + i + 2 * kStep) = c;
    vector_at(sums + i + 3 * kStep) = d;
  }
  for (; i < count; i += kStep) {
    auto a = vector_at(sums + i);
    for (std::int64_t k = 0; k < terms; ++k) {
      a += factors[k] * vector_at(sources[k] + i);
    }
    vector_at(sums + i) = a;
  }
}
NTT_SIMD void add_multiples(float* sums, const float* const* sources, const float* factors, std::int64_t terms,
                            std::int64_t count) {
  add_multiples_body(sums, sources, factors, terms, count);
}
NTT_SIMD void add_multiples(double* sums, const double* const* sources, const double* factors, std::int64_t terms,
                            std::int64_t count) {
  add_multiples_body(sums, sources, factors, terms, count);
}

template <typename T>
NTT_SIMD_BODY T sum_lanes(const typename Vector<T>::Type& lanes) {
  T sum = 0;
  for (std::int64_t lane = 0; lane < kLanes<T>; ++lane) {
    sum += lanes[lane];
  }
  return sum;
}

/// dots[k] = Σ_i values[i] * sources[k][i], three at a time: the rows of most kernels
template <typename T>
NTT_SIMD_BODY void dots_body(T* dots, const T* values, const T* const* sources, std::int64_t terms,
                             std::int64_t count) {
  std::int64_t k = 0;
  for (; k + 3 <= terms; k += 3) {
    typename Vector<T>::Type a{};
    typename Vector<T>::Type b{};
    typename Vector<T>::Type c{};
    for (std::int64_t i = 0; i < count; i += kLanes<T>) {
      const auto value = vector_at(values + i);
      a += value * vector_at(sources[k] + i);
      b += value * vector_at(sources[k + 1] + i);
      c += value * vector_at(sources[k + 2] + i);
    }
    dots[k] = sum_lanes<T>(a);
    dots[k + 1] = sum_lanes<T>(b);
    dots[k + 2] = sum_lanes<T>(c);
  }
  for (; k < terms; ++k) {
    typename Vector<T>::Type a{};
    for (std::int64_t i = 0; i < count; i += kLanes<T>) {
      a += vector_at(values + i) * vector_at(sources[k] + i);
    }
    dots[k] = sum_lanes<T>(a);
  }
}
NTT_SIMD void dot_all(float* dots, const float* values, const float* const* sources, std::int64_t terms,
                      std::int64_t count) {
  dots_body(dots, values, sources, terms, count);
}
NTT_SIMD void dot_all(double* dots, const double* values, const double* const* sources, std::int64_t terms,
                      std::int64_t count) {
  dots_body(dots, values, sources, terms, count);
}

/// to[x] = from[x * stride], stride 2 being known to the compiler
template <typename T>
NTT_SIMD_BODY void pick_body(T* __restrict to, const T* __restrict from, std::int64_t stride, std::int64_t count) {
  if (stride == 2) {
    for (std::int64_t x = 0; x < count; ++x) {
      to[x] = from[x * 2];
    }
    return;
  }
  for (std::int64_t x = 0; x < count; ++x) {
    to[x] = from[x * stride];
  }
}
NTT_SIMD void pick(float* to, const float* from, std::int64_t stride, std::int64_t count) {
  pick_body(to, from, stride, count);
}
NTT_SIMD void pick(double* to, const double* from, std::int64_t stride, std::int64_t count) {
  pick_body(to, from, stride, count);
}

std::size_t room(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

}  // namespace

PlaneLayout::PlaneLayout(const ConvGeometry& g) : geometry(g) {
  const std::int64_t height = g.out_height() + g.dilation_height * (g.kernel_height - 1) / g.stride_height;
  width = g.out_width() + g.dilation_width * (g.kernel_width - 1) / g.stride_width;
  size = whole_vectors(height * width);
  outputs = whole_vectors((g.out_height() - 1) * width + g.out_width());
  largest_offset = 0;
  for (std::int64_t p = 0; p < g.stride_height; ++p) {
    for (std::int64_t q = 0; q < g.stride_width; ++q) {
      const auto first_tap = static_cast<std::int64_t>(taps.size());
      for (std::int64_t place = 0; place < g.kernel_height * g.kernel_width; ++place) {
        const std::int64_t y = place / g.kernel_width * g.dilation_height;
        const std::int64_t x = place % g.kernel_width * g.dilation_width;
        if (y % g.stride_height == p && x % g.stride_width == q) {
          const std::int64_t offset = y / g.stride_height * width + x / g.stride_width;
          largest_offset = std::max(largest_offset, offset);
          taps.push_back({place, static_cast<std::int64_t>(phases.size()), offset});
        }
      }
      const auto last_tap = static_cast<std::int64_t>(taps.size());
      if (last_tap > first_tap) {
        const Inside rows = inside(p - g.pad_top, g.height, height, g.stride_height);
        const Inside columns = inside(q - g.pad_left, g.width, width, g.stride_width);
        const std::int64_t y = rows.first * g.stride_height + p - g.pad_top;
        const std::int64_t x = columns.first * g.stride_width + q - g.pad_left;
        phases.push_back({rows, columns, y * g.width + x, first_tap, last_tap});
      }
    }
  }
}

template <typename T>
Plane<T>::Plane(const PlaneLayout& layout)
    : layout_(layout),
      image_(layout.phases.size() * room(layout.size) + room(layout.largest_offset + kRound)),
      sum_(layout.phases.size() * room(layout.size)),
      delta_(room(layout.largest_offset + layout.size)),
      outputs_(room(layout.outputs)),
      sources_(layout.taps.size()),
      factors_(layout.taps.size()) {}

template <typename T>
void Plane<T>::read_image(const T* image) {
  const ConvGeometry& g = layout_.geometry;
  T* phase_entries = image_.data();
  for (const PlaneLayout::Phase& phase : layout_.phases) {
    const std::int64_t columns = phase.columns.last - phase.columns.first;
    for (std::int64_t y = phase.rows.first; y < phase.rows.last; ++y) {
      T* to = phase_entries + y * layout_.width + phase.columns.first;
      const T* from = image + phase.corner + (y - phase.rows.first) * g.stride_height * g.width;
      if (g.stride_width == 1) {
        std::copy(from, from + columns, to);
      } else {
        pick(to, from, g.stride_width, columns);
      }
    }
    phase_entries += layout_.size;
  }
}

template <typename T>
void Plane<T>::read_delta(const T* delta) {
  const std::int64_t out_width = layout_.geometry.out_width();
  T* to = delta_.data() + layout_.largest_offset;
  for (std::int64_t y = 0; y < layout_.geometry.out_height(); ++y, to += layout_.width, delta += out_width) {
    std::copy(delta, delta + out_width, to);
  }
}

template <typename T>
void Plane<T>::write_outputs(const T* weight, T bias, bool adds, T* outputs) {
  for (std::size_t k = 0; k < layout_.taps.size(); ++k) {
    const PlaneLayout::Tap& tap = layout_.taps[k];
    sources_[k] = image_.data() + tap.phase * layout_.size + tap.offset;
    factors_[k] = weight[tap.place];
  }
  std::fill(outputs_.begin(), outputs_.end(), bias);
  add_multiples(outputs_.data(), sources_.data(), factors_.data(), static_cast<std::int64_t>(sources_.size()),
                layout_.outputs);
  const std::int64_t out_width = layout_.geometry.out_width();
  const T* from = outputs_.data();
  for (std::int64_t y = 0; y < layout_.geometry.out_height(); ++y, from += layout_.width, outputs += out_width) {
    if (!adds) {
      std::copy(from, from + out_width, outputs);
      continue;
    }
    for (std::int64_t x = 0; x < out_width; ++x) {
      outputs[x] += from[x];
    }
  }
}

template <typename T>
void Plane<T>::write_weight_gradient(bool adds, T* gradient) {
  for (std::size_t k = 0; k < layout_.taps.size(); ++k) {
    const PlaneLayout::Tap& tap = layout_.taps[k];
    sources_[k] = image_.data() + tap.phase * layout_.size + tap.offset;
  }
  dot_all(factors_.data(), delta_.data() + layout_.largest_offset, sources_.data(),
          static_cast<std::int64_t>(sources_.size()), layout_.outputs);
  for (std::size_t k = 0; k < layout_.taps.size(); ++k) {
    T& entry = gradient[layout_.taps[k].place];
    entry = adds ? entry + factors_[k] : factors_[k];
  }
}

template <typename T>
void Plane<T>::start_image_sum() {
  std::fill(sum_.begin(), sum_.end(), T{0});
}

template <typename T>
void Plane<T>::add_to_image_sum(const T* weight) {
  T* phase_sum = sum_.data();
  for (const PlaneLayout::Phase& phase : layout_.phases) {
    for (std::int64_t k = phase.first_tap; k < phase.last_tap; ++k) {
      const PlaneLayout::Tap& tap = layout_.taps[room(k)];
      sources_[room(k)] = delta_.data() + layout_.largest_offset - tap.offset;
      factors_[room(k)] = weight[tap.place];
    }
    add_multiples(phase_sum, sources_.data() + phase.first_tap, factors_.data() + phase.first_tap,
                  phase.last_tap - phase.first_tap, layout_.size);
    phase_sum += layout_.size;
  }
}

template <typename T>
void Plane<T>::add_image_sum(T* image) const {
  const ConvGeometry& g = layout_.geometry;
  const T* phase_sum = sum_.data();
  for (const PlaneLayout::Phase& phase : layout_.phases) {
    const std::int64_t columns = phase.columns.last - phase.columns.first;
    for (std::int64_t y = phase.rows.first; y < phase.rows.last; ++y) {
      const T* from = phase_sum + y * layout_.width + phase.columns.first;
      T* to = image + phase.corner + (y - phase.rows.first) * g.stride_height * g.width;
      for (std::int64_t x = 0; x < columns; ++x) {
        to[x * g.stride_width] += from[x];
      }
    }
    phase_sum += layout_.size;
  }
}

template class Plane<float>;
template class Plane<double>;

}  // namespace ntt::depthwise
