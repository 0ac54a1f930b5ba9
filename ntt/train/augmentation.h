#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// Random changes of training images, drawn anew for every image of every step.
struct Augmentation {
  static constexpr std::int64_t kPadding = 4;
  static constexpr std::int64_t kCutout = 16;

  bool crop = false;    ///< shifted by up to kPadding pixels each way: a crop of the image in a border of zeros
  bool flip = false;    ///< left and right exchanged, with probability 1/2
  bool cutout = false;  ///< a square of kCutout pixels around any pixel set to 0, as far as it lies in the image

  bool any() const { return crop || flip || cutout; }
};

/// "crop", "flip" and "cutout"; InputError naming them for any other word.
NTT_API Augmentation parse_augmentation(const std::vector<std::string>& names);
/// Their names, as parse_augmentation takes them.
NTT_API std::vector<std::string> names_of(const Augmentation& augmentation);

/// The chosen images (int64 indices) of images [N, C, H, W], changed: crop and flip (He et al., CVPR 2016), then cutout
/// (DeVries & Taylor 2017). Images are standardised, so that zeros are the data's mean. A function of seed and step
/// only; what one of the changes draws does not depend on whether the others are on.
NTT_API at::Tensor augmented(const at::Tensor& images, const at::Tensor& chosen, const Augmentation& augmentation,
                             std::uint64_t seed, std::int64_t step);

}  // namespace ntt
