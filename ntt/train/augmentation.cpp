#include "ntt/train/augmentation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/random.h"

namespace ntt {
namespace {

/// What is drawn for one image.
struct Draw {
  std::int64_t down, right;  ///< by how much the image is shifted
  bool flip;
  std::int64_t row, column;  ///< the middle of the square that is cut out
};

Draw draw_one(RandomStream& stream, std::int64_t height, std::int64_t width) {
  constexpr std::uint64_t kShifts = 2 * Augmentation::kPadding + 1;
  const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(stream.below(bound)); };
  Draw draw{};
  draw.down = below(kShifts) - Augmentation::kPadding;
  draw.right = below(kShifts) - Augmentation::kPadding;
  draw.flip = below(2) == 1;
  draw.row = below(static_cast<std::uint64_t>(height));
  draw.column = below(static_cast<std::uint64_t>(width));
  return draw;
}

/// Copies image [C, H, W], shifted, into zeros of the same shape.
void copy_shifted(const at::Tensor& image, std::int64_t down, std::int64_t right, const at::Tensor& to) {
  const std::int64_t height = std::max<std::int64_t>(image.size(1) - std::abs(down), 0);
  const std::int64_t width = std::max<std::int64_t>(image.size(2) - std::abs(right), 0);
  const auto part = [&](const at::Tensor& of, std::int64_t y, std::int64_t x) {
    return of.narrow(1, std::max<std::int64_t>(y, 0), height).narrow(2, std::max<std::int64_t>(x, 0), width);
  };
  if (height > 0 && width > 0) {
    part(to, down, right).copy_(part(image, -down, -right));
  }
}

void cut_out(const at::Tensor& image, std::int64_t row, std::int64_t column) {
  const auto part = [](std::int64_t middle, std::int64_t size) {
    const std::int64_t first = std::max<std::int64_t>(middle - Augmentation::kCutout / 2, 0);
    return std::pair(first, std::min(middle + Augmentation::kCutout / 2, size) - first);
  };
  const auto [top, height] = part(row, image.size(1));
  const auto [left, width] = part(column, image.size(2));
  image.narrow(1, top, height).narrow(2, left, width).zero_();
}

}  // namespace

Augmentation parse_augmentation(const std::vector<std::string>& names) {
  Augmentation augmentation;
  for (const std::string& name : names) {
    if (name == "crop") {
      augmentation.crop = true;
    } else if (name == "flip") {
      augmentation.flip = true;
    } else if (name == "cutout") {
      augmentation.cutout = true;
    } else {
      fail_input("there is no augmentation '{}'; known are crop, flip and cutout", name);
    }
  }
  return augmentation;
}

std::vector<std::string> names_of(const Augmentation& augmentation) {
  std::vector<std::string> names;
  for (const auto& [on, name] :
       {std::pair(augmentation.crop, "crop"), {augmentation.flip, "flip"}, {augmentation.cutout, "cutout"}}) {
    if (on) {
      names.emplace_back(name);
    }
  }
  return names;
}

at::Tensor augmented(const at::Tensor& images, const at::Tensor& chosen, const Augmentation& augmentation,
                     std::uint64_t seed, std::int64_t step) {
  RandomStream stream(seed, "augmentation", static_cast<std::uint64_t>(step));
  at::Tensor batch = images.index_select(0, chosen);
  at::Tensor result = at::zeros_like(batch);
  for (std::int64_t i = 0; i < batch.size(0); ++i) {
    const Draw draw = draw_one(stream, images.size(2), images.size(3));
    const at::Tensor to = result[i];
    const at::Tensor from = augmentation.flip && draw.flip ? batch[i].flip({2}) : batch[i];
    copy_shifted(from, augmentation.crop ? draw.down : 0, augmentation.crop ? draw.right : 0, to);
    if (augmentation.cutout) {
      cut_out(to, draw.row, draw.column);
    }
  }
  return result;
}

}  // namespace ntt
