#include "cli/process/memory.h"

#include <malloc.h>

namespace ntt {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = 1 << 30;
  mallopt(M_MMAP_MAX, 0);  // M_MMAP_THRESHOLD cannot go above 32 MiB
  mallopt(M_TRIM_THRESHOLD, kNever);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace ntt
