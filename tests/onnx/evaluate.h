#pragma once

#include <ATen/core/Tensor.h>

#include "ntt/onnx/reader.h"

namespace ntt::testing_support {

/// What a model computes for inputs [N, ...], node by node: no network is made of it, which would need weights and one
/// output a class.
at::Tensor evaluate(const OnnxModel& model, const at::Tensor& inputs);

}  // namespace ntt::testing_support
