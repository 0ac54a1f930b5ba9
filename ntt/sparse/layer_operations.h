#pragma once

#include <cstdint>
#include <string>

namespace ntt {

/// What one layer's inference takes, counted from its stored weights. Rows whose results nobody reads do not count.
struct LayerOperations {
  std::string name;
  bool gathers = false;            ///< the sum of one input's values at distant offsets
  std::int64_t multiply_adds = 0;  ///< wanted: a stored weight, position and input each
  std::int64_t register_adds = 0;  ///< done, kLanes at once: a stored weight and register of results each
  std::int64_t loads = 0;          ///< of registers of inputs, single values and offsets (a gather counts each lane)
  std::int64_t input_bytes = 0;    ///< of inputs that its rows read again and again
};

}  // namespace ntt
