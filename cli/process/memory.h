#pragma once

namespace ntt {

/// Keeps freed memory in the process. Without it the tensors of each step, megabytes each, are mapped and unmapped by
/// the kernel, and touching fresh pages costs more than the arithmetic on them.
void keep_freed_memory();

}  // namespace ntt
