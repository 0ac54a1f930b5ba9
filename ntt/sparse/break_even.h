#pragma once

#include <optional>
#include <vector>

namespace ntt {

/// Milliseconds at one density.
struct DensityTime {
  double density = 0;
  double dense_ms = 0;
  double sparse_ms = 0;
};

/// The largest density up to which sparse execution is as fast as dense at every measured density, interpolated between
/// measured ones along logarithms; the largest measured one where it always is, nothing where it is not at the
/// smallest.
std::optional<double> break_even_density(std::vector<DensityTime> times);

}  // namespace ntt
