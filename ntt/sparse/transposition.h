#pragma once

#include <cstdint>

namespace ntt {

/// to[c * to_stride + r] = from[r * from_stride + c], or += it, for r < rows and c < columns.
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
               std::int64_t to_stride, bool adds);
void transpose(const double* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, double* to,
               std::int64_t to_stride, bool adds);

}  // namespace ntt
