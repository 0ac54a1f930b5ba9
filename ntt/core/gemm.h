#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ntt {

enum class Transpose : char { no = 'N', yes = 'T' };

/// C = alpha * op(A) * op(B) + beta * C on row-major matrices, op(A) being [m, k] and op(B) [k, n].
/// oneDNN in float32: Debian's OpenBLAS falls back to SSE on processors newer than itself (docs/performance.md).
/// Runs on one thread when called inside a parallel region.
void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c, std::int64_t ldc);
void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
          const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta, double* c,
          std::int64_t ldc);

/// Multiply-adds of dense products on the CPU since the program started, times two: for benchmarks' GFLOP/s.
std::int64_t gemm_operations();
/// Adds to it, for products that are not gemm's.
void count_operations(std::int64_t count);

/// op(a) * op(b) for 2-d tensors of one dtype and device whose rows are contiguous.
at::Tensor matmul(const at::Tensor& a, Transpose transpose_a, const at::Tensor& b, Transpose transpose_b);

/// out = op(a) * op(b) + beta * out.
void matmul_into(at::Tensor& out, const at::Tensor& a, Transpose transpose_a, const at::Tensor& b,
                 Transpose transpose_b, double beta);

/// The same for every matrix of a batch: a [n, ., .], b [n, ., .], contiguous.
at::Tensor batched_matmul(const at::Tensor& a, Transpose transpose_a, const at::Tensor& b, Transpose transpose_b);

}  // namespace ntt
