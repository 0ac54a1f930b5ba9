#pragma once

#include <cstdint>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/data/dataset.h"

namespace ntt {

/// The images of these classes alone, in their order, relabelled: the first class named becomes 0, the next 1. The name
/// says which they are: "mnist[0,1]". InputError where a class is not there, named twice or the only one.
NTT_API Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes);

}  // namespace ntt
