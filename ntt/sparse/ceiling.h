#pragma once

#include <cstdint>
#include <string>

#include "ntt/sparse/operations.h"

namespace ntt {

/// Thousand million multiply-adds a second that threads() threads reach together, each in a small loop of its own. A
/// stored weight costs at least one of them for each register of results.
struct SparseCeilings {
  double arithmetic = 0;    ///< registers alone
  double first_cache = 0;   ///< each with a register of inputs read from the first-level cache
  double second_cache = 0;  ///< the same from the second level
  double gather = 0;        ///< each with a register gathered from distant places in the first level
};

/// The best of several tries, a fraction of a second in all.
SparseCeilings measure_sparse_ceilings();

/// Of one core, as the system says; where it does not, 32 KiB and 512 KiB.
struct CacheSizes {
  std::int64_t first = 0;
  std::int64_t second = 0;
};
CacheSizes cache_sizes();

/// What bounds a layer's product, and the milliseconds that it would take there at least.
struct LayerBound {
  std::string name;  ///< "FMA", "L1 loads", "L2 loads" or "gathers"
  double ms = 0;
};
LayerBound bound_of(const LayerOperations& layer, const SparseCeilings& ceilings, const CacheSizes& caches);

}  // namespace ntt
