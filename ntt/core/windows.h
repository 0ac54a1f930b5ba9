#pragma once

#include <algorithm>
#include <cstdint>

namespace ntt {

/// The outputs [first, last) along one side whose inputs, for one offset within their windows, lie inside the image.
struct Inside {
  std::int64_t first;
  std::int64_t last;
};

/// @param offset of the input that output 0 reads: negative in the padding
inline Inside inside(std::int64_t offset, std::int64_t size, std::int64_t out_size, std::int64_t stride) {
  const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t last = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(first, out_size), std::max(std::min(first, out_size), std::min(last, out_size))};
}

}  // namespace ntt
