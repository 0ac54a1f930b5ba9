#pragma once

#include "ntt/core/convolution.h"

namespace ntt {

/// Writes the patch matrices of `count` images [channels, height, width] side by side:
/// [groups * patch, count, positions].
/// @param images_end, patches_end ends of the arrays that they lie in: short rows are copied a vector at a time, up to
///     15 entries past their ends where that stays inside
void unfold_images(const ConvGeometry& geometry, std::int64_t count, const float* images, const float* images_end,
                   float* patches, const float* patches_end);
void unfold_images(const ConvGeometry& geometry, std::int64_t count, const double* images, const double* images_end,
                   double* patches, const double* patches_end);

/// The transpose of unfold_images: images += patches, summed where they overlap.
void fold_images(const ConvGeometry& geometry, std::int64_t count, const float* patches, float* images);
void fold_images(const ConvGeometry& geometry, std::int64_t count, const double* patches, double* images);

}  // namespace ntt
