#pragma once

#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>

#include <string_view>

#include "ntt/core/gemm.h"
#include "ntt/core/random.h"

namespace ntt {

constexpr std::int64_t kBatch = 64;    ///< the published batch size
constexpr std::int64_t kClasses = 10;  ///< of every published data set

inline at::Tensor random_tensor(at::IntArrayRef shape, std::string_view purpose = "bench") {
  RandomStream stream(0, purpose);
  return random_normal(stream, shape, 1.0, at::kFloat);
}

/// Shows the matrix products between its construction and its end, if there are any, as the benchmark's GFLOP/s.
class CountProducts {
 public:
  explicit CountProducts(benchmark::State& state) : state_(state), before_(gemm_operations()) {}
  CountProducts(const CountProducts&) = delete;
  CountProducts& operator=(const CountProducts&) = delete;
  ~CountProducts() {
    const auto operations = static_cast<double>(gemm_operations() - before_);
    if (operations > 0) {
      state_.counters["GFLOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsRate);
    }
  }

 private:
  benchmark::State& state_;
  std::int64_t before_;
};

}  // namespace ntt
