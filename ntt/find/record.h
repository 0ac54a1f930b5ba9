#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ntt/find/find.h"

namespace ntt {

/// What result.json says of a network found: model, method, density, reads, inputs_read, cost (ntt/nn/cost_record.h),
/// layers (the density of each), empty_layers and, of methods that fit a student, figures: kernel_distance and
/// target_distance, each before and after, and steps.
nlohmann::json find_record(const FoundNetwork& found);

}  // namespace ntt
