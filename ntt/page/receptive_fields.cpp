#include "ntt/page/receptive_fields.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ntt {

at::Tensor as_pictures(const at::Tensor& weight, const Shape& input) {
  if (weight.dim() == 4) {
    return weight;
  }
  const std::int64_t channels = input.size() == 3 ? input[0] : 1;
  const std::int64_t pixels = weight.size(1) / channels;
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(pixels))));
  const bool square = side * side == pixels && (input.size() != 3 || (input[1] == side && input[2] == side));
  return square && side > 1 ? weight.reshape({weight.size(0), channels, side, side}) : at::Tensor();
}

at::Tensor receptive_fields(const Parameter& weight, const Shape& input) {
  constexpr std::int64_t kAcross = 4;  // pictures in a row, and rows
  const at::Tensor values = weight.effective.to(at::kCPU, at::kDouble);
  at::Tensor fields = as_pictures(values, input);
  if (!fields.defined()) {
    return {};
  }
  fields = fields.mean(1);
  const at::Tensor fullest = values.flatten(1).ne(0).sum(1).argsort(0, /*descending=*/true);
  const std::int64_t count = std::min(fields.size(0), kAcross * kAcross);
  const std::int64_t height = fields.size(1) + 1;
  const std::int64_t width = fields.size(2) + 1;
  const std::int64_t rows = (count + kAcross - 1) / kAcross;
  at::Tensor sheet = at::full({rows * height - 1, std::min(count, kAcross) * width - 1},
                              std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    sheet.narrow(0, i / kAcross * height, height - 1)
        .narrow(1, i % kAcross * width, width - 1)
        .copy_(fields[fullest[i].item<std::int64_t>()]);
  }
  return sheet;
}

}  // namespace ntt
