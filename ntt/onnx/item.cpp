#include "ntt/onnx/item.h"

#include <fmt/format.h>

namespace ntt::onnx_import {

std::vector<Side> sides_of(const Shape& shape, const BatchAxis& batch) {
  std::vector<Side> sides;
  for (const std::int64_t side : shape) {
    sides.push_back({side, false});
  }
  const auto place = sides.begin() + batch.axis;
  if (batch.factor() == 1) {
    sides.insert(place, {1, true});
  } else {
    place->batch = true;
  }
  return sides;
}

std::int64_t rank_of(const Shape& shape, const BatchAxis& batch) {
  return static_cast<std::int64_t>(shape.size()) + (batch.factor() == 1 ? 1 : 0);
}

std::string to_string(const std::vector<Side>& sides) {
  std::string text;
  for (const Side& side : sides) {
    text += text.empty() ? "" : " x ";
    text += !side.batch      ? fmt::format("{}", side.size)
            : side.size == 1 ? "batch"
                             : fmt::format("({} batch)", side.size);
  }
  return text;
}

}  // namespace ntt::onnx_import
