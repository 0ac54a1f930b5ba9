#include "ntt/sparse/transposition.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/transposition.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ntt/sparse/transpose-inl.h"

#ifndef NTT_SPARSE_TRANSPOSE_VALUES_
#define NTT_SPARSE_TRANSPOSE_VALUES_
namespace ntt {
namespace {

template <typename T>
inline void transpose_values(const T* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, T* to,
                             std::int64_t to_stride, bool adds) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) {
      T& value = to[c * to_stride + r];
      value = from[r * from_stride + c] + (adds ? value : T{0});
    }
  }
}

}  // namespace
}  // namespace ntt
#endif

HWY_BEFORE_NAMESPACE();
namespace ntt::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR

void transpose_floats(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
                      std::int64_t to_stride, bool adds) {
  transpose_values(from, from_stride, rows, columns, to, to_stride, adds);
}

#else

namespace hn = hwy::HWY_NAMESPACE;
constexpr std::int64_t kFour = 4;

HWY_INLINE void put(FourValues values, bool adds, float* into) {
  const Four four;
  hn::StoreU(adds ? hn::Add(values, hn::LoadU(four, into)) : values, four, into);
}

HWY_INLINE void transpose_four(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
                               bool adds) {
  const Four four;
  FourValues a = hn::LoadU(four, from);
  FourValues b = hn::LoadU(four, from + from_stride);
  FourValues c = hn::LoadU(four, from + 2 * from_stride);
  FourValues e = hn::LoadU(four, from + 3 * from_stride);
  transpose(a, b, c, e);
  put(a, adds, to);
  put(b, adds, to + to_stride);
  put(c, adds, to + 2 * to_stride);
  put(e, adds, to + 3 * to_stride);
}

/// Sixteen columns, a cache line of `from`, at a time.
void transpose_floats(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
                      std::int64_t to_stride, bool adds) {
  constexpr std::int64_t kTile = 16;
  const std::int64_t whole_rows = rows / kFour * kFour;
  const std::int64_t whole_columns = columns / kFour * kFour;
  for (std::int64_t first = 0; first < whole_columns; first += kTile) {
    const std::int64_t last = std::min(first + kTile, whole_columns);
    for (std::int64_t r = 0; r < whole_rows; r += kFour) {
      for (std::int64_t c = first; c < last; c += kFour) {
        transpose_four(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride, adds);
      }
    }
  }
  transpose_values(from + whole_rows * from_stride, from_stride, rows - whole_rows, whole_columns, to + whole_rows,
                   to_stride, adds);
  transpose_values(from + whole_columns, from_stride, rows, columns - whole_columns, to + whole_columns * to_stride,
                   to_stride, adds);
}

#endif

}  // namespace
}  // namespace ntt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt {
namespace {
HWY_EXPORT(transpose_floats);
}  // namespace

void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
               std::int64_t to_stride, bool adds) {
  HWY_DYNAMIC_DISPATCH(transpose_floats)(from, from_stride, rows, columns, to, to_stride, adds);
}

void transpose(const double* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, double* to,
               std::int64_t to_stride, bool adds) {
  transpose_values(from, from_stride, rows, columns, to, to_stride, adds);
}

}  // namespace ntt
#endif
