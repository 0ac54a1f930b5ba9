#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// How raw inputs become what a network takes: (x - mean) / standard_deviation in each channel.
struct Normalisation {
  std::vector<double> mean;                ///< per channel
  std::vector<double> standard_deviation;  ///< per channel, above 0; 1 for a channel that is constant
  /// Whether raw inputs are uint8, which are divided by 255 first; mean and deviation are of what that gives. Else they
  /// are floats, which are taken as they are.
  bool bytes = false;

  bool operator==(const Normalisation&) const = default;
};

/// InputError, beginning with `origin`, where there are not as many finite means and finite deviations above 0 as
/// channels.
NTT_API void check_normalisation(const Normalisation& normalisation, std::int64_t channels, const std::string& origin);

/// Raw inputs [N, channels, ...] as a network takes them, float32. uint8 ones are divided by 255; floats are taken as
/// they are where `bytes` is not set and, where it is, as divided already. InputError for uint8 inputs where raw ones
/// are floats, and for other types or another number of channels.
NTT_API at::Tensor standardise(const at::Tensor& inputs, const Normalisation& normalisation);

}  // namespace ntt
