#pragma once

namespace ntt {

/// GFLOP/s of the library's own matrix product, 1024 x 1024 x 1024 in float32 on threads() threads: what no step can
/// exceed. The best of several tries, a fraction of a second in all.
double measure_gemm_ceiling();

/// The same product by at::mm, which goes through whatever BLAS libtorch was built with.
double measure_aten_ceiling();

}  // namespace ntt
