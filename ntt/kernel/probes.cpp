#include "ntt/kernel/probes.h"

#include <ATen/ATen.h>

#include <cmath>

#include "ntt/core/error.h"

namespace ntt {
namespace {

/// Makes row `row` of a [rows, width] block orthogonal to those above it and of unit length. Twice is enough for
/// orthogonality to rounding (Giraud et al., Comput. Math. Appl. 50, 2005).
void orthonormalise_row(double* block, std::int64_t row, std::int64_t width) {
  double* v = block + row * width;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t above = 0; above < row; ++above) {
      const double* u = block + above * width;
      double dot = 0;
      for (std::int64_t c = 0; c < width; ++c) {
        dot += u[c] * v[c];
      }
      for (std::int64_t c = 0; c < width; ++c) {
        v[c] -= dot * u[c];
      }
    }
  }
  double norm = 0;
  for (std::int64_t c = 0; c < width; ++c) {
    norm += v[c] * v[c];
  }
  norm = std::sqrt(norm);
  for (std::int64_t c = 0; c < width; ++c) {
    v[c] /= norm;
  }
}

}  // namespace

at::Tensor unit_probes(std::int64_t inputs, std::int64_t outputs, at::TensorOptions options) {
  return at::eye(outputs, options).expand({inputs, outputs, outputs}).contiguous();
}

at::Tensor random_probes(RandomStream& stream, std::int64_t inputs, std::int64_t probes, std::int64_t outputs,
                         at::TensorOptions options) {
  if (probes < 1 || probes > outputs) {
    fail_input("the number of probes is {}, but must lie between 1 and the number of classes, {}", probes, outputs);
  }
  const at::Tensor directions = random_normal(stream, {inputs, probes, outputs}, 1.0, at::kDouble);
  auto* data = directions.data_ptr<double>();
  for (std::int64_t i = 0; i < inputs; ++i) {
    for (std::int64_t row = 0; row < probes; ++row) {
      orthonormalise_row(data + i * probes * outputs, row, outputs);
    }
  }
  return directions.mul(std::sqrt(static_cast<double>(outputs))).to(options);
}

}  // namespace ntt
