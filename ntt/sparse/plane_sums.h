#pragma once

#include <cstdint>

namespace ntt::planes {

/// A sparse matrix whose columns are runs of values: entry e of row r, begins[r] <= e < begins[r + 1], reads the run
/// that begins at offsets[e] of a source.
struct SparseRuns {
  const std::int32_t* begins;
  const std::int32_t* offsets;
  std::int64_t rows;
};

/// sums[r * stride + q] = start[r] + Σ_e values[e] source[offsets[e] + q] over the entries e of row r, for q < length,
/// a multiple of kStep (ntt/sparse/plane_layout.h).
/// @param start null: zeros
void add_runs(const SparseRuns& matrix, const float* values, const float* start, const float* source,
              std::int64_t length, std::int64_t stride, float* sums);
void add_runs(const SparseRuns& matrix, const double* values, const double* start, const double* source,
              std::int64_t length, std::int64_t stride, double* sums);

/// products[e] += Σ_q deltas[r * stride + q] source[offsets[e] + q] for each entry e of row r, over q < length: the
/// derivative of add_runs by its values.
void multiply_runs(const SparseRuns& matrix, const float* deltas, std::int64_t stride, const float* source,
                   std::int64_t length, float* products);
void multiply_runs(const SparseRuns& matrix, const double* deltas, std::int64_t stride, const double* source,
                   std::int64_t length, double* products);

}  // namespace ntt::planes
