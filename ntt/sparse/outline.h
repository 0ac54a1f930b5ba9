#pragma once

#include <string_view>

#include "ntt/sparse/plan.h"

namespace ntt {

/// Steps, buffers and layers of a network, by shapes alone: without weights and places. InputError where it cannot be
/// executed so.
Plan outline(const Network& network);

/// Whether sparse execution has a kernel for nodes of this type, if not with all of their attributes.
bool has_sparse_kernel(std::string_view type);

}  // namespace ntt
