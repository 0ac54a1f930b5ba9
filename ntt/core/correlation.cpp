#include "ntt/core/correlation.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ntt/core/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/core/correlation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntt::direct::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Calls visit with each of sizes..., as constants, as often as it fits into what is left of `count`: visit(size,
/// first).
template <int... Sizes, typename Visit>
HWY_INLINE void for_each_block(std::int64_t count, Visit&& visit) {
  std::int64_t first = 0;
  (
      [&] {
        for (; first + Sizes <= count; first += Sizes) {
          visit(std::integral_constant<int, Sizes>(), first);
        }
      }(),
      ...);
}

/// Where the vector of outputs that begins at output `first` sees its entries: in one row, or, of half-vector rows, the
/// first half here and the other a step below.
HWY_INLINE std::int64_t seen_from(const Correlation& c, std::int64_t first) {
  return first / c.width * c.step + first % c.width;
}

template <bool Halves, class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_seen(D d, const T* from, std::int64_t step) {
#if HWY_CAP_GE512  // elsewhere a vector is not longer than a row
  if constexpr (Halves) {
    const hn::Half<D> half;
    return hn::Combine(d, hn::LoadU(half, from + step), hn::LoadU(half, from));
  }
#endif
  static_cast<void>(step);
  return hn::LoadU(d, from);
}

/// The channels that a tile sums over at a time, their weights in the innermost cache.
struct Channels {
  std::int64_t first, last;
};

/// Rows x Vectors vectors of outputs, held in registers.
template <int Rows, int Vectors, bool Halves, class D, typename T = hn::TFromD<D>>
HWY_INLINE void correlate_tile(D d, const Correlation& c, Channels channels, const T* HWY_RESTRICT padded,
                               const T* HWY_RESTRICT weight, const T* bias, std::int64_t first, bool adds,
                               T* HWY_RESTRICT outputs) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t positions = c.height * c.width;
  const auto taps = static_cast<std::int64_t>(c.taps.size());
  const T* seen[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    seen[v] = padded + seen_from(c, first + v * lanes);
  }
  hn::Vec<D> sums[Rows][Vectors];
  for (int row = 0; row < Rows; ++row) {
    const auto start = bias != nullptr ? hn::Set(d, bias[row]) : hn::Zero(d);
    for (int v = 0; v < Vectors; ++v) {
      sums[row][v] = adds ? hn::Add(hn::LoadU(d, outputs + row * positions + first + v * lanes), start) : start;
    }
  }
  for (std::int64_t channel = channels.first; channel < channels.last; ++channel) {
    const T* weights = weight + channel * c.weight_channel;
    const std::int64_t plane = channel * c.image.plane();
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t at = plane + c.taps[static_cast<std::size_t>(tap)];
      hn::Vec<D> entries[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        entries[v] = load_seen<Halves>(d, seen[v] + at, c.step);
      }
      for (int row = 0; row < Rows; ++row) {
        const auto factor = hn::Set(d, weights[row * c.weight_row + tap]);
        for (int v = 0; v < Vectors; ++v) {
          sums[row][v] = hn::MulAdd(factor, entries[v], sums[row][v]);
        }
      }
    }
  }
  for (int row = 0; row < Rows; ++row) {
    for (int v = 0; v < Vectors; ++v) {
      hn::StoreU(sums[row][v], d, outputs + row * positions + first + v * lanes);
    }
  }
}

template <bool Halves, class D, typename T = hn::TFromD<D>>
void correlate_all(D d, const Correlation& c, std::int64_t rows, const T* padded, const T* weight, const T* bias,
                   bool adds, T* outputs) {
  constexpr int kRows = hn::MaxLanes(D()) * sizeof(T) == 64 ? 8 : 4;  // as the registers allow
  constexpr std::int64_t kWeights = 16384 / sizeof(T);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t positions = c.height * c.width;
  const auto taps = static_cast<std::int64_t>(c.taps.size());
  const std::int64_t block = std::max<std::int64_t>(1, kWeights / (kRows * taps));
  std::int64_t first = 0;
  do {  // once even of no channels, so that outputs are written
    const Channels channels{first, std::min(first + block, c.image.channels)};
    for_each_block<kRows, 2, 1>(rows, [&](auto row_count, std::int64_t row) {
      for_each_block<2, 1>(positions / lanes, [&](auto vector_count, std::int64_t vector) {
        correlate_tile<row_count(), vector_count(), Halves>(
            d, c, channels, padded, weight + row * c.weight_row, bias == nullptr || first > 0 ? nullptr : bias + row,
            vector * lanes, adds || first > 0, outputs + row * positions);
      });
    });
    first += block;
  } while (first < c.image.channels);
}

template <typename T>
void correlate_body(const Correlation& c, std::int64_t rows, const T* padded, const T* weight, const T* bias, bool adds,
                    T* outputs) {
  const hn::ScalableTag<T> d;
  if (c.width % static_cast<std::int64_t>(hn::Lanes(d)) == 0) {
    correlate_all<false>(d, c, rows, padded, weight, bias, adds, outputs);
  } else {
    correlate_all<true>(d, c, rows, padded, weight, bias, adds, outputs);
  }
}
void correlate_floats(const Correlation& c, std::int64_t rows, const float* padded, const float* weight,
                      const float* bias, bool adds, float* outputs) {
  correlate_body(c, rows, padded, weight, bias, adds, outputs);
}
void correlate_doubles(const Correlation& c, std::int64_t rows, const double* padded, const double* weight,
                       const double* bias, bool adds, double* outputs) {
  correlate_body(c, rows, padded, weight, bias, adds, outputs);
}

/// Rows x Columns sums over all positions; the columns are channels and taps, whose entries begin at `seen`.
template <int Rows, int Columns, class D, typename T = hn::TFromD<D>>
HWY_INLINE void product_tile(D d, const Correlation& c, const std::int64_t* seen, const T* HWY_RESTRICT padded,
                             const T* HWY_RESTRICT delta, bool adds, std::int64_t columns, T* HWY_RESTRICT products) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t positions = c.height * c.width;
  hn::Vec<D> sums[Rows][Columns];
  for (int row = 0; row < Rows; ++row) {
    for (int column = 0; column < Columns; ++column) {
      sums[row][column] = hn::Zero(d);
    }
  }
  const T* from[Columns];
  for (int column = 0; column < Columns; ++column) {
    from[column] = padded + seen[column];
  }
  for (std::int64_t y = 0; y < c.height; ++y) {
    for (std::int64_t x = 0; x < c.width; x += lanes) {
      hn::Vec<D> deltas[Rows];
      for (int row = 0; row < Rows; ++row) {
        deltas[row] = hn::LoadU(d, delta + row * positions + y * c.width + x);
      }
      for (int column = 0; column < Columns; ++column) {
        const auto entries = hn::LoadU(d, from[column] + y * c.step + x);
        for (int row = 0; row < Rows; ++row) {
          sums[row][column] = hn::MulAdd(deltas[row], entries, sums[row][column]);
        }
      }
    }
  }
  for (int row = 0; row < Rows; ++row) {
    for (int column = 0; column < Columns; ++column) {
      T& product = products[row * columns + column];
      product = hn::GetLane(hn::SumOfLanes(d, sums[row][column])) + (adds ? product : T{0});
    }
  }
}

template <typename T>
void tap_products_body(const Correlation& c, std::int64_t rows, const std::vector<std::int64_t>& seen, const T* padded,
                       const T* delta, bool adds, T* products) {
  const hn::ScalableTag<T> d;
  constexpr bool kManyRegisters = hn::MaxLanes(hn::ScalableTag<T>()) * sizeof(T) == 64;
  constexpr int kRows = kManyRegisters ? 4 : 2;
  constexpr int kColumns = kManyRegisters ? 6 : 4;
  const std::int64_t positions = c.height * c.width;
  const auto columns = static_cast<std::int64_t>(seen.size());
  for_each_block<kRows, 1>(rows, [&](auto row_count, std::int64_t row) {
    for_each_block<kColumns, 1>(columns, [&](auto column_count, std::int64_t column) {
      product_tile<row_count(), column_count()>(d, c, seen.data() + column, padded, delta + row * positions, adds,
                                                columns, products + row * columns + column);
    });
  });
}
void tap_products_floats(const Correlation& c, std::int64_t rows, const std::vector<std::int64_t>& seen,
                         const float* padded, const float* delta, bool adds, float* products) {
  tap_products_body(c, rows, seen, padded, delta, adds, products);
}
void tap_products_doubles(const Correlation& c, std::int64_t rows, const std::vector<std::int64_t>& seen,
                          const double* padded, const double* delta, bool adds, double* products) {
  tap_products_body(c, rows, seen, padded, delta, adds, products);
}

}  // namespace
}  // namespace ntt::direct::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt::direct {
namespace {

HWY_EXPORT(correlate_floats);
HWY_EXPORT(correlate_doubles);
HWY_EXPORT(tap_products_floats);
HWY_EXPORT(tap_products_doubles);

std::int64_t operations(const Correlation& c, std::int64_t rows) {
  return 2 * rows * c.image.channels * static_cast<std::int64_t>(c.taps.size()) * c.height * c.width;
}

/// Rows are too short for a call of memcpy.
template <typename T>
void copy_short(const T* from, std::int64_t count, T* to) {
  constexpr std::int64_t kChunk = 8;
  std::int64_t i = 0;
  for (; i + kChunk <= count; i += kChunk) {
    std::memcpy(to + i, from + i, kChunk * sizeof(T));
  }
  std::copy(from + i, from + count, to + i);
}

/// The columns first, first + stride, ... of a padded row.
template <typename T>
void pad_run(const PaddedImage& image, const T* row, std::int64_t first, T* run) {
  const std::int64_t stride = image.stride;
  const std::int64_t begin = std::min(image.run, (std::max<std::int64_t>(0, image.left - first) + stride - 1) / stride);
  const std::int64_t end = std::clamp((image.left + image.width - first + stride - 1) / stride, begin, image.run);
  std::fill(run, run + begin, T{0});
  if (stride == 1) {
    copy_short(row + begin - image.left, end - begin, run + begin);
  } else {
    for (std::int64_t x = begin; x < end; ++x) {
      run[x] = row[x * stride + first - image.left];
    }
  }
  std::fill(run + end, run + image.run, T{0});
}

template <typename T>
void pad_image(const PaddedImage& image, const T* source, T* padded) {
  for (std::int64_t channel = 0; channel < image.channels; ++channel) {
    for (std::int64_t y = -image.top; y < image.rows - image.top; ++y, padded += image.row()) {
      if (y < 0 || y >= image.height) {
        std::fill(padded, padded + image.row(), T{0});
        continue;
      }
      const T* row = source + (channel * image.height + y) * image.width;
      for (std::int64_t first = 0; first < image.stride; ++first) {
        pad_run(image, row, first, padded + first * image.run);
      }
    }
  }
}

}  // namespace

std::vector<std::int64_t> columns_of(const Correlation& c) {
  std::vector<std::int64_t> seen;
  for (std::int64_t channel = 0; channel < c.image.channels; ++channel) {
    for (const std::int64_t tap : c.taps) {
      seen.push_back(channel * c.image.plane() + tap);
    }
  }
  return seen;
}

bool in_whole_vectors(std::int64_t height, std::int64_t width) {
  return width % 16 == 0 || (width == 8 && height % 2 == 0);  // vectors of any length up to 16
}

void pad(const PaddedImage& image, const float* source, float* padded) {
  pad_image(image, source, padded);
}

void pad(const PaddedImage& image, const double* source, double* padded) {
  pad_image(image, source, padded);
}

void correlate(const Correlation& c, std::int64_t rows, const float* padded, const float* weight, const float* bias,
               bool adds, float* outputs) {
  count_operations(operations(c, rows));
  HWY_DYNAMIC_DISPATCH(correlate_floats)(c, rows, padded, weight, bias, adds, outputs);
}

void correlate(const Correlation& c, std::int64_t rows, const double* padded, const double* weight, const double* bias,
               bool adds, double* outputs) {
  count_operations(operations(c, rows));
  HWY_DYNAMIC_DISPATCH(correlate_doubles)(c, rows, padded, weight, bias, adds, outputs);
}

void tap_products(const Correlation& c, const std::vector<std::int64_t>& columns, std::int64_t rows,
                  const float* padded, const float* delta, bool adds, float* products) {
  count_operations(operations(c, rows));
  HWY_DYNAMIC_DISPATCH(tap_products_floats)(c, rows, columns, padded, delta, adds, products);
}

void tap_products(const Correlation& c, const std::vector<std::int64_t>& columns, std::int64_t rows,
                  const double* padded, const double* delta, bool adds, double* products) {
  count_operations(operations(c, rows));
  HWY_DYNAMIC_DISPATCH(tap_products_doubles)(c, rows, columns, padded, delta, adds, products);
}

}  // namespace ntt::direct
#endif
