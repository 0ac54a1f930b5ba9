#include "ntt/core/ceiling.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/gemm.h"
#include "ntt/core/stopwatch.h"

namespace ntt {
namespace {

template <typename Product>
double best_gflops(Product&& product) {
  constexpr std::int64_t kSide = 1024;
  constexpr int kTries = 12;
  const at::Tensor a = at::ones({kSide, kSide}, at::kFloat);
  at::Tensor c = at::empty({kSide, kSide}, at::kFloat);
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    const Stopwatch watch;
    product(c, a);
    best = std::max(best, 2.0 * kSide * kSide * kSide / watch.seconds() / 1e9);
  }
  return best;
}

}  // namespace

double measure_gemm_ceiling() {
  return best_gflops(
      [](at::Tensor& c, const at::Tensor& a) { matmul_into(c, a, Transpose::no, a, Transpose::no, 0.0); });
}

double measure_aten_ceiling() {
  return best_gflops([](at::Tensor& c, const at::Tensor& a) { at::mm_out(c, a, a); });
}

}  // namespace ntt
