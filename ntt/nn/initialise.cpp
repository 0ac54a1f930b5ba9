#include "ntt/nn/initialise.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ntt {
namespace {

constexpr double kBiasDeviation = 1e-2;
constexpr double kEmbeddingDeviation = 2e-2;  // of tokens and positions, as ViT draws them

}  // namespace

double weight_deviation(const Shape& shape, Initialisation initialisation) {
  double receptive_field = 1;
  for (std::size_t axis = 2; axis < shape.size(); ++axis) {
    receptive_field *= static_cast<double>(shape[axis]);
  }
  const auto fan_out = static_cast<double>(shape.front());
  const auto fan_in = static_cast<double>(shape.size() > 1 ? shape[1] : 1);
  if (initialisation == Initialisation::he) {
    // By its fan out, a last layer of few classes would begin with outputs many times too large.
    return shape.size() > 2 ? std::sqrt(2 / (fan_out * receptive_field)) : std::sqrt(1 / (3 * fan_in));
  }
  return std::sqrt(2 / ((fan_in + fan_out) * receptive_field));
}

at::Tensor draw_parameter(const Parameter& parameter, RandomStream& stream, Initialisation initialisation) {
  const at::ScalarType dtype = parameter.value.scalar_type();
  const bool as_given = initialisation == Initialisation::as_given;
  if (parameter.role == Role::weight) {
    const double deviation = as_given ? parameter.value.to(at::kDouble).std(false).item<double>()
                                      : weight_deviation(parameter.shape, initialisation);
    return random_normal(stream, parameter.shape, deviation, dtype);
  }
  if (as_given) {
    return parameter.value.clone();
  }
  switch (parameter.role) {
    case Role::bias:
      return initialisation == Initialisation::he ? at::zeros(parameter.shape, dtype)
                                                  : random_normal(stream, parameter.shape, kBiasDeviation, dtype);
    case Role::scale:
    case Role::variance:
      return at::ones(parameter.shape, dtype);
    case Role::shift:
      return parameter.shape.size() > 1 ? random_normal(stream, parameter.shape, kEmbeddingDeviation, dtype)
                                        : at::zeros(parameter.shape, dtype);
    default:
      return at::zeros(parameter.shape, dtype);
  }
}

}  // namespace ntt
