#include "ntt/core/threads.h"

#include <ATen/Parallel.h>
#include <omp.h>

namespace ntt {

void set_threads(int count) {
  omp_set_num_threads(count);
  at::set_num_threads(count);
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace ntt
