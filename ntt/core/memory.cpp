#include "ntt/core/memory.h"

#include <malloc.h>

namespace ntt {

void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace ntt
