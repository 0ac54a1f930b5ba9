// The activations: of each, φ with its first two derivatives, and what its type is called.

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/elementwise.h"
#include "ntt/ops/families.h"
#include "ntt/ops/relu.h"

namespace ntt {
namespace {

using Values = Elementwise::Values;

std::unique_ptr<Operator> elementwise(const Settings& settings, Elementwise::Function function) {
  settings.check_inputs(1, 1);
  return std::make_unique<Elementwise>(settings.inputs().front(), std::move(function));
}

/// An activation without settings.
template <Values (*kFunction)(const at::Tensor&)>
std::unique_ptr<Operator> plain(const Declaration& declaration) {
  return elementwise(Settings("activation", declaration), kFunction);
}

std::unique_ptr<Operator> make_relu(const Declaration& declaration) {
  const Settings settings("relu", declaration);
  settings.check_inputs(1, 1);
  return std::make_unique<Relu>(settings.inputs().front());
}

/// 1 strictly between the bounds, of z's type.
at::Tensor between(const at::Tensor& z, double low, double high) {
  return z.gt(low).logical_and_(z.lt(high)).to(z.scalar_type());
}

Values tanh_values(const at::Tensor& z) {
  const at::Tensor output = at::tanh(z);
  const at::Tensor slope = 1 - output.square();
  return {output, slope, -2 * output * slope};
}

Values sigmoid_values(const at::Tensor& z) {
  const at::Tensor output = at::sigmoid(z);
  const at::Tensor slope = output * (1 - output);
  return {output, slope, slope * (1 - 2 * output)};
}

Values silu_values(const at::Tensor& z) {
  const Values s = sigmoid_values(z);
  return {z * s.output, s.output + z * s.slope, 2 * s.slope + z * s.curvature};
}

Values softplus_values(const at::Tensor& z) {
  const at::Tensor slope = at::sigmoid(z);
  return {at::clamp_min(z, 0) + at::log1p(at::exp(-z.abs())), slope, slope * (1 - slope)};
}

/// z Φ(z) with the normal distribution function Φ (Hendrycks & Gimpel, arXiv 1606.08415).
Values gelu_values(const at::Tensor& z) {
  const double normaliser = 1 / std::sqrt(2 * std::numbers::pi);
  const at::Tensor distribution = 0.5 * (1 + at::erf(z / std::numbers::sqrt2));
  const at::Tensor density = normaliser * at::exp(-0.5 * z.square());
  return {z * distribution, distribution + z * density, density * (2 - z.square())};
}

/// Its approximation z/2 (1 + tanh u), u = √(2/π) (z + 0.044715 z³).
Values gelu_by_tanh(const at::Tensor& z) {
  constexpr double kCubic = 0.044715;
  const double factor = std::sqrt(2 / std::numbers::pi);
  const Values t = tanh_values(factor * (z + kCubic * z.pow(3)));
  const at::Tensor u_slope = factor * (1 + 3 * kCubic * z.square());
  const at::Tensor u_curvature = 6 * factor * kCubic * z;
  return {0.5 * z * (1 + t.output), 0.5 * (1 + t.output) + 0.5 * z * t.slope * u_slope,
          t.slope * u_slope + 0.5 * z * (t.curvature * u_slope.square() + t.slope * u_curvature)};
}

std::unique_ptr<Operator> make_gelu(const Declaration& declaration) {
  const Settings settings("gelu", declaration);
  const std::string approximation = settings.word_or("approximation", "none");
  if (approximation != "none" && approximation != "tanh") {
    fail_input("'approximation' is '{}', but must be \"none\" or \"tanh\"", approximation);
  }
  return elementwise(settings, approximation == "tanh" ? gelu_by_tanh : gelu_values);
}

std::unique_ptr<Operator> make_leaky_relu(const Declaration& declaration) {
  const Settings settings("leaky-relu", declaration);
  const double low = settings.number_or("slope", 0.01);
  return elementwise(settings, [low](const at::Tensor& z) -> Values {
    const at::Tensor slope = at::where(z.gt(0), at::ones_like(z), at::full_like(z, low));
    return {z * slope, slope, {}};
  });
}

std::unique_ptr<Operator> make_clip(const Declaration& declaration) {
  const Settings settings("clip", declaration);
  const double low = settings.number_or("min", -std::numeric_limits<double>::infinity());
  const double high = settings.number_or("max", std::numeric_limits<double>::infinity());
  if (!(low <= high)) {
    fail_input("'min' is {} and 'max' is {}, but must not be below it", low, high);
  }
  return elementwise(settings, [low, high](const at::Tensor& z) -> Values {
    return {at::clamp(z, low, high), between(z, low, high), {}};
  });
}

std::unique_ptr<Operator> make_hard_sigmoid(const Declaration& declaration) {
  const Settings settings("hard-sigmoid", declaration);
  const double slope = settings.number_or("slope", 1.0 / 6);
  const double offset = settings.number_or("offset", 0.5);
  return elementwise(settings, [slope, offset](const at::Tensor& z) -> Values {
    const at::Tensor line = slope * z + offset;
    return {at::clamp(line, 0, 1), slope * between(line, 0, 1), {}};
  });
}

Values hard_swish_values(const at::Tensor& z) {
  const at::Tensor inside = between(z, -3, 3);
  return {z * at::clamp(z / 6 + 0.5, 0, 1), inside * (z / 3 + 0.5) + z.ge(3), inside / 3};
}

std::unique_ptr<Operator> make_elu(const Declaration& declaration) {
  const Settings settings("elu", declaration);
  const double alpha = settings.number_or("alpha", 1);
  return elementwise(settings, [alpha](const at::Tensor& z) -> Values {
    const at::Tensor positive = z.gt(0);
    const at::Tensor decayed = alpha * at::exp(at::clamp_max(z, 0));
    return {at::where(positive, z, decayed - alpha), at::where(positive, at::ones_like(z), decayed),
            at::where(positive, at::zeros_like(z), decayed)};
  });
}

std::unique_ptr<Operator> make_affine(const Declaration& declaration) {
  const Settings settings("affine", declaration);
  const double factor = settings.number_or("factor", 1);
  const double offset = settings.number_or("offset", 0);
  return elementwise(settings, [factor, offset](const at::Tensor& z) -> Values {
    return {z * factor + offset, at::full_like(z, factor), {}};
  });
}

}  // namespace

std::vector<OperatorType> activation_types() {
  return {
      {"relu", "relu", "max(x, 0)", {}, make_relu},
      {"leaky-relu", "leaky-relu", "x where x > 0, else slope x", {"slope"}, make_leaky_relu},
      {"clip", "clip", "min(max(x, min), max)", {"min", "max"}, make_clip},
      {"sigmoid", "sigmoid", "1 / (1 + exp(-x))", {}, plain<sigmoid_values>},
      {"silu", "silu", "x sigmoid(x)", {}, plain<silu_values>},
      {"hard-sigmoid", "hard-sigmoid", "min(max(slope x + offset, 0), 1)", {"slope", "offset"}, make_hard_sigmoid},
      {"hard-swish", "hard-swish", "x min(max(x / 6 + 1/2, 0), 1)", {}, plain<hard_swish_values>},
      {"tanh", "tanh", "tanh(x)", {}, plain<tanh_values>},
      {"gelu", "gelu", "x Φ(x), or its approximation by tanh", {"approximation"}, make_gelu},
      {"elu", "elu", "x where x > 0, else alpha (exp(x) - 1)", {"alpha"}, make_elu},
      {"softplus", "softplus", "log(1 + exp(x))", {}, plain<softplus_values>},
      {"affine", "affine", "factor x + offset", {"factor", "offset"}, make_affine},
  };
}

}  // namespace ntt
