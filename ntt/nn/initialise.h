#pragma once

#include "ntt/core/random.h"
#include "ntt/nn/network.h"

namespace ntt {

/// The standard deviation of a weight [out, in, receptive field...] as drawn.
double weight_deviation(const Shape& shape, Initialisation initialisation);

/// A value for a parameter by its role and shape; scales and variances are 1, shifts (but those of tokens and
/// positions, N(0, 0.02²)) and means 0. The precision is that
/// of the parameter's present value.
at::Tensor draw_parameter(const Parameter& parameter, RandomStream& stream, Initialisation initialisation);

}  // namespace ntt
