#pragma once

#include "ntt/core/pooling.h"
#include "ntt/sparse/planes.h"

namespace ntt {

/// Copies channels [first, last) of an image [channels, height, width] into planes, and writes the zeros behind them;
/// pointers are of whole images.
void load_planes(const Planes& planes, const float* image, std::int64_t first, std::int64_t last, float* to);
/// The reverse.
void store_planes(const Planes& planes, const float* from, std::int64_t first, std::int64_t last, float* image);

/// Copies channels [first, last) of planes for a convolution of another stride or size, padding included.
void copy_phases(const PhaseCopy& copy, const Planes& from, const float* planes, std::int64_t first, std::int64_t last,
                 float* to);

/// Maxima over windows of channels [first, last): padding never wins, NaN does.
void pool_planes(const PoolGeometry& geometry, const Planes& from, const float* planes, const Planes& to,
                 std::int64_t first, std::int64_t last, float* maxima);

}  // namespace ntt
