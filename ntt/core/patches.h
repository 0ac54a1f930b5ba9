#pragma once

#include "ntt/core/convolution.h"

namespace ntt {

/// Writes the patch matrix [patch, positions] of one image [channels, height, width].
/// @param image_end, patches_end ends of the arrays that they lie in: short rows are copied a vector at a time, up to
///     15 entries past their ends where that stays inside
void unfold_image(const ConvGeometry& geometry, const float* image, const float* image_end, float* patches,
                  const float* patches_end);
void unfold_image(const ConvGeometry& geometry, const double* image, const double* image_end, double* patches,
                  const double* patches_end);

/// The transpose of unfold_image: image += patches, summed where they overlap.
void fold_image(const ConvGeometry& geometry, const float* patches, float* image);
void fold_image(const ConvGeometry& geometry, const double* patches, double* image);

}  // namespace ntt
