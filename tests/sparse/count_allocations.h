#pragma once

#include <cstdint>

namespace ntt {

/// How often this program has called operator new, which count_allocations.cpp replaces.
std::int64_t allocations();

}  // namespace ntt
