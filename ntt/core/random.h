#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// A stream of random numbers that is a pure function of (seed, purpose, index).
///
/// Counter-based (Philox-4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), so the
/// draws of step 7000 need no draws of the steps before it: a resumed run sees what an uninterrupted one saw.
class NTT_API RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

  std::uint32_t bits();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in {0, ..., bound-1}, without bias; bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Box-Muller).
  double normal();

 private:
  std::array<std::uint32_t, 4> block_{};
  std::array<std::uint32_t, 2> key_{};
  std::uint64_t index_;
  std::uint64_t counter_ = 0;
  int used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// A tensor of independent normals with the given standard deviation, on the CPU.
NTT_API at::Tensor random_normal(RandomStream& stream, at::IntArrayRef shape, double standard_deviation,
                                 at::ScalarType dtype);

/// A uniformly random order of 0..count-1 (Fisher-Yates), int64 [count].
NTT_API at::Tensor random_permutation(RandomStream& stream, std::int64_t count);

}  // namespace ntt
