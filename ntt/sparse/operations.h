#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/sparse/plan.h"
#include "ntt/sparse/plane_plan.h"

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

/// The layers of a plan on so many inputs, in blocks of kLanes of them. What fills up the last block is done but not
/// wanted.
std::vector<LayerOperations> count_operations(const Plan& plan, std::int64_t inputs);

/// The layers of a plan that runs one input after another. Positions between rows and behind the last are done but not
/// wanted; what dense steps take is not counted.
std::vector<LayerOperations> count_operations(const PlanePlan& plan, std::int64_t inputs);

}  // namespace ntt
