#pragma once

namespace ntt {

/// Returns freed memory that the allocator keeps to the system, as after a part of a job that took far more than the
/// rest will.
void return_freed_memory();

}  // namespace ntt
