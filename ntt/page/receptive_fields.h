#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/nn/network.h"

namespace ntt {

/// The weights of a first layer as pictures: [units, channels, height, width], of a square input or of a filter's
/// window. Undefined where the layer is a linear one and its input no square image.
at::Tensor as_pictures(const at::Tensor& weight, const Shape& input);

/// What the first weights of a network see: the weights into the units or filters that keep most, each a picture (mean
/// over channels), side by side as one matrix, float64, with rows and columns of NaN between them. Undefined where they
/// are no pictures.
at::Tensor receptive_fields(const Parameter& weight, const Shape& input);

}  // namespace ntt
