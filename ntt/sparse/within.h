#pragma once

#include <algorithm>
#include <cstdint>

namespace ntt {

/// Steps begin <= i < end.
struct Within {
  std::int64_t begin;
  std::int64_t end;
};

/// Which of `count` steps first, first + stride, ... meet one of the values 0 .. size - 1 of a side with padding around
/// it.
inline Within within(std::int64_t first, std::int64_t stride, std::int64_t size, std::int64_t count) {
  const std::int64_t begin = first >= 0 ? 0 : std::min(count, (-first + stride - 1) / stride);
  const std::int64_t end = first >= size ? 0 : (size - first + stride - 1) / stride;
  return {begin, std::clamp(end, begin, count)};
}

}  // namespace ntt
