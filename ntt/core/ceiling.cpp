#include "ntt/core/ceiling.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "ntt/core/gemm.h"

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
    const auto start = std::chrono::steady_clock::now();
    product(c, a);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * kSide * kSide * kSide / seconds / 1e9);
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
