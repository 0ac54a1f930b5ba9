#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ntt/core/api.h"
#include "ntt/core/random.h"

namespace ntt {

/// Output directions of the exact kernel: the unit vectors, [inputs, outputs, outputs].
NTT_API at::Tensor unit_probes(std::int64_t inputs, std::int64_t outputs, at::TensorOptions options);

/// Output directions of a sketched kernel: for every input `probes` rows of a random rotation of R^outputs, times
/// √outputs, so that their covariance is the identity; [inputs, probes, outputs]. Orthogonal rows vary less than
/// independent ones, and with probes = outputs the sketch is exact. InputError unless 1 <= probes <= outputs.
NTT_API at::Tensor random_probes(RandomStream& stream, std::int64_t inputs, std::int64_t probes, std::int64_t outputs,
                                 at::TensorOptions options);

}  // namespace ntt
