#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ntt/core/simd.h"

namespace ntt {

/// Copies rows that are too short for a call of memcpy.
template <typename T>
NTT_SIMD_BODY void copy_short(const T* from, std::int64_t count, T* to) {
  constexpr std::int64_t kChunk = 8;
  std::int64_t i = 0;
  for (; i + kChunk <= count; i += kChunk) {
    std::memcpy(to + i, from + i, kChunk * sizeof(T));
  }
  std::copy(from + i, from + count, to + i);
}

}  // namespace ntt
