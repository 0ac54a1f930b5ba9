#pragma once

#include "ntt/core/api.h"

namespace ntt {

/// Sets the number of threads of every parallel part that the calling thread begins: ours, ATen's and oneDNN's.
/// count >= 1.
NTT_API void set_threads(int count);
/// The number of threads that parallel parts use; until set_threads, OpenMP's own choice.
NTT_API int threads();

}  // namespace ntt
