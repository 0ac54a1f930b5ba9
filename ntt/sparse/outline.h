#pragma once

#include "ntt/sparse/plan.h"

namespace ntt {

/// Steps, buffers and layers of a network, by shapes alone: without weights and places. InputError where it cannot be
/// executed so.
Plan outline(const Network& network);

}  // namespace ntt
