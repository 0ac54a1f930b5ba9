#pragma once

#include <cstdint>
#include <vector>

#include "ntt/sparse/layer_operations.h"
#include "ntt/sparse/plan.h"
#include "ntt/sparse/plane_plan.h"

namespace ntt {

/// The layers of a plan on so many inputs, in blocks of kLanes of them. What fills up the last block is done but not
/// wanted.
std::vector<LayerOperations> count_operations(const Plan& plan, std::int64_t inputs);

/// The layers of a plan that runs one input after another. Positions between rows and behind the last are done but not
/// wanted; what dense steps take is not counted.
std::vector<LayerOperations> count_operations(const PlanePlan& plan, std::int64_t inputs);

}  // namespace ntt
