#include "ntt/sparse/break_even.h"

#include <algorithm>
#include <cmath>

namespace ntt {

std::optional<double> break_even_density(std::vector<DensityTime> times) {
  std::ranges::sort(times, {}, &DensityTime::density);
  const auto gain = [](const DensityTime& time) { return std::log(time.dense_ms / time.sparse_ms); };
  if (times.empty() || gain(times.front()) < 0) {
    return {};
  }
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double here = gain(times[i]);
    if (here < 0) {
      const double before = gain(times[i - 1]);
      const double below = std::log(times[i - 1].density);
      return std::exp(below + (std::log(times[i].density) - below) * before / (before - here));
    }
  }
  return times.back().density;
}

}  // namespace ntt
