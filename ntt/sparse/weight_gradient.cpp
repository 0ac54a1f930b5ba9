#include <algorithm>

#include "ntt/sparse/product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/weight_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

HWY_INLINE float sum_of(Vector values) {
  const Lanes lanes;
  return hn::GetLane(hn::SumOfLanes(lanes, values));
}

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void store_sums(Vector a, Vector b, Vector c, Vector e, float* into) {
  into[0] = sum_of(a);
  into[1] = sum_of(b);
  into[2] = sum_of(c);
  into[3] = sum_of(e);
}

#else

/// Adds the halves until four sums are left, and writes those.
template <class D>
HWY_INLINE void store_folded(D d, hn::Vec<D> sums, float* into) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    store_folded(half, hn::Add(hn::LowerHalf(half, sums), hn::UpperHalf(half, sums)), into);
  } else {
    hn::StoreU(sums, d, into);
  }
}

/// The sums over lanes of four vectors, written side by side: half the shuffles of four single sums.
HWY_INLINE void store_sums(Vector a, Vector b, Vector c, Vector e, float* into) {
  const Lanes lanes;
  const hn::Repartition<std::uint64_t, Lanes> pairs;
  const Vector ab = hn::Add(hn::InterleaveLower(lanes, a, b), hn::InterleaveUpper(lanes, a, b));
  const Vector ce = hn::Add(hn::InterleaveLower(lanes, c, e), hn::InterleaveUpper(lanes, c, e));
  const auto lower = hn::InterleaveLower(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, ce));
  const auto upper = hn::InterleaveUpper(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, ce));
  store_folded(lanes, hn::Add(hn::BitCast(lanes, lower), hn::BitCast(lanes, upper)), into);
}

#endif

HWY_INLINE Vector load_product(const Vector* cotangent, const float* input) {
  const Lanes lanes;
  Vector sum = hn::Mul(cotangent[0], hn::Load(lanes, input));
  for (int v = 1; v < kVectors; ++v) {
    sum = hn::MulAdd(cotangent[v], hn::Load(lanes, input + v * kWidth), sum);
  }
  return sum;
}

/// A linear layer's row: each entry has one product.
HWY_INLINE void single_window(const SparseWeightGradient& task, const SparseRow& row) {
  const Lanes lanes;
  Vector cotangent[kVectors];
  Vector total = hn::Zero(lanes);
  for (int v = 0; v < kVectors; ++v) {
    cotangent[v] = hn::Load(lanes, task.cotangent + row.other + v * kWidth);
    total = hn::Add(total, cotangent[v]);
  }
  task.bias_gradient[row.index] = sum_of(total);
  const std::int32_t* offsets = task.matrix->offsets.data();
  std::int32_t j = row.first;
  for (; j + 4 <= row.last; j += 4) {
    store_sums(load_product(cotangent, task.input + offsets[j]), load_product(cotangent, task.input + offsets[j + 1]),
               load_product(cotangent, task.input + offsets[j + 2]),
               load_product(cotangent, task.input + offsets[j + 3]), task.gradient + j);
  }
  for (; j < row.last; ++j) {
    task.gradient[j] = sum_of(load_product(cotangent, task.input + offsets[j]));
  }
}

/// Adds one row of windows to `Count` entries' sums over positions, which stay one register an entry.
template <int Count>
HWY_INLINE void add_windows(const SparseWeightGradient& task, const float* input, const float* cotangent,
                            const std::int32_t* offsets, float* scratch) {
  const Lanes lanes;
  const float* from[Count];
  Vector even[Count];
  Vector odd[Count];
  for (int u = 0; u < Count; ++u) {
    from[u] = input + offsets[u];
    even[u] = hn::Load(lanes, scratch + u * kLanes);
    odd[u] = hn::Zero(lanes);
  }
  const std::int64_t step = task.windows.input_column;
  std::int64_t x = 0;
  for (; x + 2 <= task.windows.width; x += 2) {
    for (int v = 0; v < kVectors; ++v) {
      const Vector here = hn::Load(lanes, cotangent + x * kLanes + v * kWidth);
      const Vector next = hn::Load(lanes, cotangent + (x + 1) * kLanes + v * kWidth);
      for (int u = 0; u < Count; ++u) {
        even[u] = hn::MulAdd(here, hn::Load(lanes, from[u] + x * step + v * kWidth), even[u]);
        odd[u] = hn::MulAdd(next, hn::Load(lanes, from[u] + (x + 1) * step + v * kWidth), odd[u]);
      }
    }
  }
  for (; x < task.windows.width; ++x) {
    for (int v = 0; v < kVectors; ++v) {
      const Vector here = hn::Load(lanes, cotangent + x * kLanes + v * kWidth);
      for (int u = 0; u < Count; ++u) {
        even[u] = hn::MulAdd(here, hn::Load(lanes, from[u] + x * step + v * kWidth), even[u]);
      }
    }
  }
  for (int u = 0; u < Count; ++u) {
    hn::Store(hn::Add(even[u], odd[u]), lanes, scratch + u * kLanes);
  }
}

HWY_INLINE void add_bias_windows(const SparseWeightGradient& task, const float* cotangent, float* scratch) {
  const Lanes lanes;
  Vector sum = hn::Load(lanes, scratch);
  for (std::int64_t i = 0; i < task.windows.width * kLanes; i += kWidth) {
    sum = hn::Add(sum, hn::Load(lanes, cotangent + i));
  }
  hn::Store(sum, lanes, scratch);
}

void many_windows(const SparseWeightGradient& task) {
  const SparseRows& matrix = *task.matrix;
  const auto entries = static_cast<std::int64_t>(matrix.offsets.size());
  const auto rows = static_cast<std::int64_t>(matrix.rows.size());
  float* bias_scratch = task.scratch + entries * kLanes;
  std::fill(task.scratch, bias_scratch + rows * kLanes, 0.0F);
  // Rows of windows outermost: the inputs that they share are then read from cache by every row of the matrix.
  for (std::int64_t y = 0; y < task.windows.height; ++y) {
    const float* input = task.input + y * task.windows.input_row;
    for (std::int64_t r = 0; r < rows; ++r) {
      const SparseRow& row = matrix.rows[static_cast<std::size_t>(r)];
      const float* cotangent = task.cotangent + row.other + y * task.windows.other_row;
      add_bias_windows(task, cotangent, bias_scratch + r * kLanes);
      std::int32_t j = row.first;
      for (; j + 4 <= row.last; j += 4) {
        add_windows<4>(task, input, cotangent, matrix.offsets.data() + j, task.scratch + j * kLanes);
      }
      for (; j < row.last; ++j) {
        add_windows<1>(task, input, cotangent, matrix.offsets.data() + j, task.scratch + j * kLanes);
      }
    }
  }
  const Lanes lanes;
  for (std::int64_t r = 0; r < rows; ++r) {
    const SparseRow& row = matrix.rows[static_cast<std::size_t>(r)];
    task.bias_gradient[row.index] = sum_of(hn::Load(lanes, bias_scratch + r * kLanes));
    for (std::int32_t j = row.first; j < row.last; ++j) {
      task.gradient[j] = sum_of(hn::Load(lanes, task.scratch + j * kLanes));
    }
  }
}

void weight_gradient(const SparseWeightGradient& task) {
  if (task.windows.height * task.windows.width > 1) {
    many_windows(task);
    return;
  }
  for (const SparseRow& row : task.matrix->rows) {
    single_window(task, row);
  }
}

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {
HWY_EXPORT(weight_gradient);
}

void sparse_weight_gradient(const SparseWeightGradient& task) {
  HWY_DYNAMIC_DISPATCH(weight_gradient)(task);
}

}  // namespace ntt
#endif
