#include "ntt/sparse/product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

/// Sums at `Rows` x `Columns` neighbouring windows, kept in registers over the entries of a row.
template <int Rows, int Columns, bool Adjacent>
HWY_INLINE void add_entries(const SparseProduct& p, const SparseRow& row, const float* input, Vector* sums) {
  const Lanes lanes;
  const std::int64_t step = Adjacent ? kLanes : p.windows.input_column;
  const Vector start = hn::Set(lanes, p.bias == nullptr ? 0.0F : p.bias[row.index]);
  for (int i = 0; i < Rows * Columns * kVectors; ++i) {
    sums[i] = start;
  }
  const std::int32_t* offsets = p.matrix->offsets.data();
  for (std::int32_t j = row.first; j < row.last; ++j) {
    const Vector value = hn::Set(lanes, p.values[j]);
    const float* from = input + offsets[j];
    for (int y = 0; y < Rows; ++y) {
      for (int x = 0; x < Columns; ++x) {
        for (int v = 0; v < kVectors; ++v) {
          Vector& sum = sums[(y * Columns + x) * kVectors + v];
          sum = hn::MulAdd(value, hn::Load(lanes, from + y * p.windows.input_row + x * step + v * kWidth), sum);
        }
      }
    }
  }
}

template <int Count, bool Adjacent>
HWY_INLINE void sum_windows(const SparseProduct& p, const SparseRow& row, const float* input, float* output,
                            const float* gate) {
  Vector sums[Count * kVectors];
  add_entries<1, Count, Adjacent>(p, row, input, sums);
  for (int i = 0; i < Count * kVectors; ++i) {
    finish(p, sums[i], output + i * kWidth, gate + i * kWidth);
  }
}

/// Sums at the single window of a linear layer: several entries under way at once, as each sum waits for the one
/// before.
HWY_INLINE void sum_entries(const SparseProduct& p, const SparseRow& row, float* output, const float* gate) {
  const Lanes lanes;
  constexpr int kUnderWay = kVectors == 1 ? 4 : 2;
  Vector sums[kUnderWay * kVectors];
  for (Vector& sum : sums) {
    sum = hn::Zero(lanes);
  }
  const std::int32_t* offsets = p.matrix->offsets.data();
  std::int32_t j = row.first;
  for (; j + kUnderWay <= row.last; j += kUnderWay) {
    for (int u = 0; u < kUnderWay; ++u) {
      const Vector value = hn::Set(lanes, p.values[j + u]);
      const float* from = p.input + offsets[j + u];
      for (int v = 0; v < kVectors; ++v) {
        Vector& sum = sums[u * kVectors + v];
        sum = hn::MulAdd(value, hn::Load(lanes, from + v * kWidth), sum);
      }
    }
  }
  for (; j < row.last; ++j) {
    const Vector value = hn::Set(lanes, p.values[j]);
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(value, hn::Load(lanes, p.input + offsets[j] + v * kWidth), sums[v]);
    }
  }
  const Vector bias = hn::Set(lanes, p.bias == nullptr ? 0.0F : p.bias[row.index]);
  for (int v = 0; v < kVectors; ++v) {
    Vector sum = bias;
    for (int u = 0; u < kUnderWay; ++u) {
      sum = hn::Add(sum, sums[u * kVectors + v]);
    }
    finish(p, sum, output + v * kWidth, gate + v * kWidth);
  }
}

/// Maxima over 2 x 2 windows of sums, `Pairs` of them side by side: what pooling would read again is never written.
template <int Pairs, bool Adjacent>
HWY_INLINE void sum_pooled(const SparseProduct& p, const SparseRow& row, const float* input, float* output) {
  constexpr int kColumns = 2 * Pairs;
  Vector sums[2 * kColumns * kVectors];
  add_entries<2, kColumns, Adjacent>(p, row, input, sums);
  const auto result = [&](int y, int x, int v) HWY_ATTR { return sums[(y * kColumns + x) * kVectors + v]; };
  for (int x = 0; x < Pairs; ++x) {
    for (int v = 0; v < kVectors; ++v) {
      const Vector upper = larger(result(0, 2 * x, v), result(0, 2 * x + 1, v));
      const Vector lower = larger(result(1, 2 * x, v), result(1, 2 * x + 1, v));
      finish(p, larger(upper, lower), output + x * kLanes + v * kWidth, nullptr);
    }
  }
}

template <bool Adjacent>
HWY_INLINE void sum_row_of_pools(const SparseProduct& p, const SparseRow& row, std::int64_t y) {
  constexpr int kMost = kVectors == 1 ? 2 : 1;
  const Windows& windows = p.windows;
  const float* input = p.input + 2 * y * windows.input_row;
  float* output = p.output + row.output + y * windows.output_row;
  std::int64_t x = 0;
  for (; x + kMost <= windows.width; x += kMost) {
    sum_pooled<kMost, Adjacent>(p, row, input + 2 * x * windows.input_column, output + x * kLanes);
  }
  for (; x < windows.width; ++x) {
    sum_pooled<1, Adjacent>(p, row, input + 2 * x * windows.input_column, output + x * kLanes);
  }
}

template <bool Adjacent>
HWY_INLINE void sum_row_of_windows(const SparseProduct& p, const SparseRow& row, std::int64_t y) {
  constexpr int kMost = kVectors < 8 ? 8 / kVectors : 1;
  const Windows& windows = p.windows;
  const float* input = p.input + y * windows.input_row;
  float* output = p.output + row.output + y * windows.output_row;
  const float* gate = p.gate == nullptr ? output : p.gate + row.other + y * windows.other_row;
  std::int64_t x = 0;
  for (; x + kMost <= windows.width; x += kMost) {
    sum_windows<kMost, Adjacent>(p, row, input + x * windows.input_column, output + x * kLanes, gate + x * kLanes);
  }
  if constexpr (kMost > 4) {
    for (; x + 4 <= windows.width; x += 4) {
      sum_windows<4, Adjacent>(p, row, input + x * windows.input_column, output + x * kLanes, gate + x * kLanes);
    }
  }
  if constexpr (kMost > 2) {
    for (; x + 2 <= windows.width; x += 2) {
      sum_windows<2, Adjacent>(p, row, input + x * windows.input_column, output + x * kLanes, gate + x * kLanes);
    }
  }
  for (; x < windows.width; ++x) {
    sum_windows<1, Adjacent>(p, row, input + x * windows.input_column, output + x * kLanes, gate + x * kLanes);
  }
}

void product(const SparseProduct& p) {
  const SparseRow* first = p.matrix->rows.data() + p.first_row;
  const SparseRow* last = p.matrix->rows.data() + p.last_row;
  if (p.windows.height * p.windows.width == 1 && !p.pool) {
    for (const SparseRow* row = first; row != last; ++row) {
      float* output = p.output + row->output;
      sum_entries(p, *row, output, p.gate == nullptr ? output : p.gate + row->other);
    }
    return;
  }
  // Rows of windows outermost: the inputs that they share are then read from cache by every row of the matrix.
  for (std::int64_t y = 0; y < p.windows.height; ++y) {
    for (const SparseRow* row = first; row != last; ++row) {
      const bool adjacent = p.windows.input_column == kLanes;
      if (p.pool) {
        adjacent ? sum_row_of_pools<true>(p, *row, y) : sum_row_of_pools<false>(p, *row, y);
      } else {
        adjacent ? sum_row_of_windows<true>(p, *row, y) : sum_row_of_windows<false>(p, *row, y);
      }
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
}

void sparse_product(const SparseProduct& p) {
  HWY_DYNAMIC_DISPATCH(product)(p);
}

}  // namespace ntt
#endif
