#pragma once

#include "ntt/core/random.h"
#include "ntt/nn/layer.h"
#include "ntt/nn/parameter.h"

namespace ntt {

/// Glorot-normal weight, σ² = 2/(fan_in + fan_out) with convolutions' fans times their receptive field (Glorot &
/// Bengio, AISTATS 2010), bias N(0, 0.01²), no masks.
void initialise_glorot(Parameter& weight, Parameter& bias, RandomStream& stream, at::ScalarType dtype);

}  // namespace ntt
