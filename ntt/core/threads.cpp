#include "ntt/core/threads.h"

#include <ATen/Parallel.h>
#include <malloc.h>

namespace ntt {

void set_threads(int count) {
  omp_set_num_threads(count);
  at::set_num_threads(count);
}

int threads() {
  return omp_get_max_threads();
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = 1 << 30;
  mallopt(M_MMAP_MAX, 0);  // M_MMAP_THRESHOLD cannot go above 32 MiB
  mallopt(M_TRIM_THRESHOLD, kNever);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace ntt
