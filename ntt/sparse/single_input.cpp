#include "ntt/sparse/single_input.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ntt/core/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/single_input.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

float finished(const SparseProduct& p, float sum) {
  return p.rectify ? std::max(sum, 0.0F) : sum;
}

/// The sum of one row at one window.
HWY_INLINE float dot(const SparseProduct& p, const SparseRow& row, const float* input) {
  const Lanes lanes;
  const hn::RebindToSigned<Lanes> places;
  const std::int32_t* offsets = p.matrix->offsets.data();
  Vector sums = hn::Zero(lanes);
  std::int32_t j = row.first;
  for (; j + kWidth <= row.last; j += kWidth) {
    const Vector inputs = hn::GatherIndex(lanes, input, hn::LoadU(places, offsets + j));
    sums = hn::MulAdd(hn::LoadU(lanes, p.values + j), inputs, sums);
  }
  float sum = (p.bias == nullptr ? 0.0F : p.bias[row.index]) + hn::GetLane(hn::SumOfLanes(lanes, sums));
  for (; j < row.last; ++j) {
    sum += p.values[j] * input[offsets[j]];
  }
  return sum;
}

/// `Rows` neighbouring rows of windows from column x on, a register of them each.
template <int Rows>
HWY_INLINE void sum_windows(const SparseProduct& p, const SparseRow& row, std::int64_t y, std::int64_t x) {
  const Lanes lanes;
  const Windows& windows = p.windows;
  const std::int32_t* offsets = p.matrix->offsets.data();
  const float* input = p.input + y * windows.input_row + x;
  Vector sums[Rows];
  const Vector start = hn::Set(lanes, p.bias == nullptr ? 0.0F : p.bias[row.index]);
  for (Vector& sum : sums) {
    sum = start;
  }
  for (std::int32_t j = row.first; j < row.last; ++j) {
    const Vector value = hn::Set(lanes, p.values[j]);
    const float* from = input + offsets[j];
    for (int r = 0; r < Rows; ++r) {
      sums[r] = hn::MulAdd(value, hn::LoadU(lanes, from + r * windows.input_row), sums[r]);
    }
  }
  float* output = p.output + row.output + y * windows.output_row + x;
  const auto wanted = hn::FirstN(lanes, static_cast<std::size_t>(std::min<std::int64_t>(kWidth, windows.width - x)));
  for (int r = 0; r < Rows; ++r) {
    const Vector sum = p.rectify ? hn::Max(sums[r], hn::Zero(lanes)) : sums[r];
    hn::BlendedStore(sum, wanted, lanes, output + r * windows.output_row);
  }
}

void sum_adjacent_windows(const SparseProduct& p, const SparseRow& row) {
  constexpr int kMost = 8;
  for (std::int64_t x = 0; x < p.windows.width; x += kWidth) {
    std::int64_t y = 0;
    for (; y + kMost <= p.windows.height; y += kMost) {
      sum_windows<kMost>(p, row, y, x);
    }
    for (; y + 4 <= p.windows.height; y += 4) {
      sum_windows<4>(p, row, y, x);
    }
    for (; y < p.windows.height; ++y) {
      sum_windows<1>(p, row, y, x);
    }
  }
}

void sum_distant_windows(const SparseProduct& p, const SparseRow& row) {
  for (std::int64_t y = 0; y < p.windows.height; ++y) {
    for (std::int64_t x = 0; x < p.windows.width; ++x) {
      const float* input = p.input + y * p.windows.input_row + x * p.windows.input_column;
      p.output[row.output + y * p.windows.output_row + x] = finished(p, dot(p, row, input));
    }
  }
}

void product(const SparseProduct& p) {
  const bool one = p.windows.height * p.windows.width == 1;
  const SparseRow* last = p.matrix->rows.data() + p.last_row;
  for (const SparseRow* row = p.matrix->rows.data() + p.first_row; row != last; ++row) {
    if (one) {
      p.output[row->output] = finished(p, dot(p, *row, p.input));
    } else if (p.windows.input_column == 1) {
      sum_adjacent_windows(p, *row);
    } else {
      sum_distant_windows(p, *row);
    }
  }
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {

HWY_EXPORT(product);

/// Maxima of windows of 2 x 2, side by side, in two rows.
NTT_SIMD void pool_two_rows(const float* a, const float* b, float* maxima, std::int64_t count, float least) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float left = a[2 * i] > b[2 * i] ? a[2 * i] : b[2 * i];
    const float right = a[2 * i + 1] > b[2 * i + 1] ? a[2 * i + 1] : b[2 * i + 1];
    const float most = left > right ? left : right;
    maxima[i] = most > least ? most : least;
  }
}

/// Calls combine(value so far, value) over each window, and writes scale times the result.
template <typename Combine>
void pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output, float start,
          float scale, float least, Combine combine) {
  for_each_place(layout, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    float value = start;
    for (std::int64_t i = 0; i < windows.kernel; ++i) {
      const float* from = input.data + input.layout->at(c, y * windows.stride + i, x * windows.stride);
      value = std::accumulate(from, from + windows.kernel, value, combine);
    }
    output[layout.at(c, y, x)] = std::max(scale * value, least);
  });
}

constexpr float kNothing = -std::numeric_limits<float>::infinity();

float least_of(bool rectify) {
  return rectify ? 0.0F : kNothing;
}

}  // namespace

void single_product(const SparseProduct& p) {
  HWY_DYNAMIC_DISPATCH(product)(p);
}

void single_max_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                     bool rectify) {
  if (windows.kernel == 2 && windows.stride == 2) {
    for (std::int64_t c = 0; c < layout.channels; ++c) {
      for (std::int64_t y = 0; y < layout.height; ++y) {
        pool_two_rows(input.data + input.layout->at(c, 2 * y, 0), input.data + input.layout->at(c, 2 * y + 1, 0),
                      output + layout.at(c, y, 0), layout.width, least_of(rectify));
      }
    }
    return;
  }
  pool(windows, input, layout, output, kNothing, 1, least_of(rectify), [](float a, float b) { return std::max(a, b); });
}

void single_average_pool(const PoolWindows& windows, const ConstBlock& input, const BlockLayout& layout, float* output,
                         bool rectify) {
  const float scale = 1.0F / static_cast<float>(windows.kernel * windows.kernel);
  pool(windows, input, layout, output, 0, scale, least_of(rectify), [](float a, float b) { return a + b; });
}

void single_add(const ConstBlock& a, const ConstBlock& b, const BlockLayout& layout, float* output, bool rectify) {
  const float least = least_of(rectify);
  for_each_place(layout, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    const float sum = a.data[a.layout->at(c, y, x)] + b.data[b.layout->at(c, y, x)];
    output[layout.at(c, y, x)] = std::max(sum, least);
  });
}

}  // namespace ntt
#endif
