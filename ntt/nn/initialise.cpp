#include "ntt/nn/initialise.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ntt {
namespace {

constexpr double kBiasDeviation = 1e-2;

}  // namespace

void initialise_glorot(Parameter& weight, Parameter& bias, RandomStream& stream, at::ScalarType dtype) {
  const Shape& shape = weight.shape;
  double receptive_field = 1;
  for (std::size_t axis = 2; axis < shape.size(); ++axis) {
    receptive_field *= static_cast<double>(shape[axis]);
  }
  const double fans = static_cast<double>(shape[0] + shape[1]) * receptive_field;
  weight.assign(random_normal(stream, shape, std::sqrt(2 / fans), dtype));
  bias.assign(random_normal(stream, bias.shape, kBiasDeviation, dtype));
}

}  // namespace ntt
