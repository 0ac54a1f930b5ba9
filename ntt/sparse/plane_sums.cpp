#include "ntt/sparse/plane_sums.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ntt/sparse/plane_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntt::planes::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// One row's sums in `Vectors` registers: a load and a multiply-add for each entry and register.
template <int Vectors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void add_runs_tile(D d, const std::int32_t* HWY_RESTRICT offsets, const T* HWY_RESTRICT values,
                              std::int64_t entries, T start, const T* HWY_RESTRICT source, T* HWY_RESTRICT sums) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<D> sum[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    sum[v] = hn::Set(d, start);
  }
  for (std::int64_t e = 0; e < entries; ++e) {
    const auto factor = hn::Set(d, values[e]);
    const T* run = source + offsets[e];
    for (int v = 0; v < Vectors; ++v) {
      sum[v] = hn::MulAdd(factor, hn::LoadU(d, run + v * lanes), sum[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    hn::StoreU(sum[v], d, sums + v * lanes);
  }
}

template <int Vectors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void add_runs_from(D d, const SparseRuns& matrix, const T* values, const T* start, const T* source,
                              std::int64_t stride, T* sums) {
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    const std::int32_t begin = matrix.begins[row];
    add_runs_tile<Vectors>(d, matrix.offsets + begin, values + begin, matrix.begins[row + 1] - begin,
                           start == nullptr ? T{0} : start[row], source, sums + row * stride);
  }
}

/// All rows on one stretch of positions before the next, so that what they read stays in the innermost cache.
template <typename T>
HWY_INLINE void add_runs_all(const SparseRuns& matrix, const T* values, const T* start, const T* source,
                             std::int64_t length, std::int64_t stride, T* sums) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t q = 0;
  const auto sweep = [&](auto vectors) {
    for (; q + vectors() * lanes <= length; q += vectors() * lanes) {
      add_runs_from<vectors()>(d, matrix, values, start, source + q, stride, sums + q);
    }
  };
  sweep(std::integral_constant<int, 8>());
  sweep(std::integral_constant<int, 4>());
  sweep(std::integral_constant<int, 2>());
  sweep(std::integral_constant<int, 1>());
}

void add_runs_floats(const SparseRuns& matrix, const float* values, const float* start, const float* source,
                     std::int64_t length, std::int64_t stride, float* sums) {
  add_runs_all(matrix, values, start, source, length, stride, sums);
}
void add_runs_doubles(const SparseRuns& matrix, const double* values, const double* start, const double* source,
                      std::int64_t length, std::int64_t stride, double* sums) {
  add_runs_all(matrix, values, start, source, length, stride, sums);
}

/// `Entries` products at once, each summed in `Parts` registers of its own, which keep the multipliers busy.
template <int Entries, int Parts, class D, typename T = hn::TFromD<D>>
HWY_INLINE void multiply_tile(D d, const std::int32_t* HWY_RESTRICT offsets, const T* HWY_RESTRICT delta,
                              const T* HWY_RESTRICT source, std::int64_t length, T* HWY_RESTRICT products) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<D> sum[Entries][Parts];
  const T* run[Entries];
  for (int e = 0; e < Entries; ++e) {
    run[e] = source + offsets[e];
    for (int part = 0; part < Parts; ++part) {
      sum[e][part] = hn::Zero(d);
    }
  }
  std::int64_t q = 0;
  for (; q + Parts * lanes <= length; q += Parts * lanes) {
    for (int part = 0; part < Parts; ++part) {
      const auto values = hn::LoadU(d, delta + q + part * lanes);
      for (int e = 0; e < Entries; ++e) {
        sum[e][part] = hn::MulAdd(values, hn::LoadU(d, run[e] + q + part * lanes), sum[e][part]);
      }
    }
  }
  for (; q < length; q += lanes) {
    const auto values = hn::LoadU(d, delta + q);
    for (int e = 0; e < Entries; ++e) {
      sum[e][0] = hn::MulAdd(values, hn::LoadU(d, run[e] + q), sum[e][0]);
    }
  }
  for (int e = 0; e < Entries; ++e) {
    for (int part = 1; part < Parts; ++part) {
      sum[e][0] = hn::Add(sum[e][0], sum[e][part]);
    }
    products[e] += hn::GetLane(hn::SumOfLanes(d, sum[e][0]));
  }
}

template <typename T>
HWY_INLINE void multiply_all(const SparseRuns& matrix, const T* deltas, std::int64_t stride, const T* source,
                             std::int64_t length, T* products) {
  const hn::ScalableTag<T> d;
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::int64_t e = matrix.begins[row];
    const std::int64_t end = matrix.begins[row + 1];
    const auto sweep = [&](auto entries, auto parts) {
      for (; e + entries() <= end; e += entries()) {
        multiply_tile<entries(), parts()>(d, matrix.offsets + e, deltas + row * stride, source, length, products + e);
      }
    };
    sweep(std::integral_constant<int, 8>(), std::integral_constant<int, 1>());
    sweep(std::integral_constant<int, 4>(), std::integral_constant<int, 2>());
    sweep(std::integral_constant<int, 2>(), std::integral_constant<int, 4>());
    sweep(std::integral_constant<int, 1>(), std::integral_constant<int, 4>());
  }
}

void multiply_floats(const SparseRuns& matrix, const float* deltas, std::int64_t stride, const float* source,
                     std::int64_t length, float* products) {
  multiply_all(matrix, deltas, stride, source, length, products);
}
void multiply_doubles(const SparseRuns& matrix, const double* deltas, std::int64_t stride, const double* source,
                      std::int64_t length, double* products) {
  multiply_all(matrix, deltas, stride, source, length, products);
}

}  // namespace
}  // namespace ntt::planes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntt::planes {
namespace {
HWY_EXPORT(add_runs_floats);
HWY_EXPORT(add_runs_doubles);
HWY_EXPORT(multiply_floats);
HWY_EXPORT(multiply_doubles);
}  // namespace

void add_runs(const SparseRuns& matrix, const float* values, const float* start, const float* source,
              std::int64_t length, std::int64_t stride, float* sums) {
  HWY_DYNAMIC_DISPATCH(add_runs_floats)(matrix, values, start, source, length, stride, sums);
}

void add_runs(const SparseRuns& matrix, const double* values, const double* start, const double* source,
              std::int64_t length, std::int64_t stride, double* sums) {
  HWY_DYNAMIC_DISPATCH(add_runs_doubles)(matrix, values, start, source, length, stride, sums);
}

void multiply_runs(const SparseRuns& matrix, const float* deltas, std::int64_t stride, const float* source,
                   std::int64_t length, float* products) {
  HWY_DYNAMIC_DISPATCH(multiply_floats)(matrix, deltas, stride, source, length, products);
}

void multiply_runs(const SparseRuns& matrix, const double* deltas, std::int64_t stride, const double* source,
                   std::int64_t length, double* products) {
  HWY_DYNAMIC_DISPATCH(multiply_doubles)(matrix, deltas, stride, source, length, products);
}

}  // namespace ntt::planes
#endif
