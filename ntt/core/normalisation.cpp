#include "ntt/core/normalisation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ntt/core/error.h"

namespace ntt {
namespace {

void check_inputs(const at::Tensor& inputs, const Normalisation& normalisation) {
  const at::ScalarType dtype = inputs.scalar_type();
  if (dtype == at::kByte && !normalisation.bytes) {
    fail_input("the inputs are uint8, but the network's mean and standard deviation are of float inputs; give floats");
  }
  if (dtype != at::kByte && dtype != at::kFloat && dtype != at::kDouble) {
    fail_input("the inputs are {}, but must be uint8, float32 or float64", c10::toString(dtype));
  }
  const auto channels = static_cast<std::int64_t>(normalisation.mean.size());
  if (inputs.dim() < 2 || inputs.size(1) != channels) {
    fail_input("the inputs are [{}], but the network's mean and standard deviation are for [N, {}, ...]",
               fmt::join(inputs.sizes(), ", "), channels);
  }
}

}  // namespace

void check_normalisation(const Normalisation& normalisation, std::int64_t channels, const std::string& origin) {
  const auto count = static_cast<std::size_t>(channels);
  if (normalisation.mean.size() != count || normalisation.standard_deviation.size() != count) {
    fail_input("{}: inputs have {} channels, but there are {} means and {} standard deviations", origin, channels,
               normalisation.mean.size(), normalisation.standard_deviation.size());
  }
  if (!std::ranges::all_of(normalisation.mean, [](double mean) { return std::isfinite(mean); })) {
    fail_input("{}: a mean is not finite", origin);
  }
  if (!std::ranges::all_of(normalisation.standard_deviation,
                           [](double deviation) { return std::isfinite(deviation) && deviation > 0; })) {
    fail_input("{}: a standard deviation is not a finite number above 0", origin);
  }
}

at::Tensor standardise(const at::Tensor& inputs, const Normalisation& normalisation) {
  check_inputs(inputs, normalisation);
  at::Tensor result = at::empty(inputs.sizes(), inputs.options().dtype(at::kFloat));
  for (std::size_t channel = 0; channel < normalisation.mean.size(); ++channel) {
    const auto c = static_cast<std::int64_t>(channel);
    at::Tensor plane = result.select(1, c);
    plane.copy_(inputs.select(1, c));
    if (inputs.scalar_type() == at::kByte) {
      plane.div_(255.0);
    }
    plane.sub_(normalisation.mean[channel]).div_(normalisation.standard_deviation[channel]);
  }
  return result;
}

}  // namespace ntt
