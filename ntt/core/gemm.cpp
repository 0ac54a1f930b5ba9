#include "ntt/core/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <dnnl.h>

#include <algorithm>
#include <atomic>

#include "ntt/core/error.h"
#include "ntt/core/parallel.h"

namespace ntt {
namespace {

std::atomic<std::int64_t> operations = 0;

at::Tensor oriented(const at::Tensor& matrix, Transpose transpose) {
  return transpose == Transpose::yes ? matrix.t() : matrix;
}

bool runs_on_onednn(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
}

/// The distance between rows, of which a matrix of one row may say anything.
std::int64_t row_stride(const at::Tensor& matrix) {
  return std::max(matrix.stride(0), matrix.size(1));
}

at::Tensor with_contiguous_rows(const at::Tensor& matrix) {
  return matrix.stride(1) == 1 && matrix.stride(0) >= matrix.size(1) ? matrix : matrix.contiguous();
}

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c, std::int64_t ldc) {
  count_operations(2 * m * n * k);
  const dnnl_status_t status = dnnl_sgemm(static_cast<char>(transpose_a), static_cast<char>(transpose_b), m, n, k,
                                          alpha, a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success) {
    fail_run("oneDNN refused the matrix product [{} x {}] * [{} x {}] (status {})", m, k, k, n,
             static_cast<int>(status));
  }
}

void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
          const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta, double* c,
          std::int64_t ldc) {
  count_operations(2 * m * n * k);
  const auto view = [](const double* data, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
    return at::from_blob(const_cast<double*>(data), {rows, columns}, {stride, 1}, at::kDouble);
  };
  const at::Tensor left = transpose_a == Transpose::yes ? view(a, k, m, lda).t() : view(a, m, k, lda);
  const at::Tensor right = transpose_b == Transpose::yes ? view(b, n, k, ldb).t() : view(b, k, n, ldb);
  at::Tensor out = view(c, m, n, ldc);
  at::addmm_out(out, out, left, right, beta, alpha);
}

void count_operations(std::int64_t count) {
  operations.fetch_add(count, std::memory_order_relaxed);
}

std::int64_t gemm_operations() {
  return operations.load(std::memory_order_relaxed);
}

void matmul_into(at::Tensor& out, const at::Tensor& a, Transpose transpose_a, const at::Tensor& b,
                 Transpose transpose_b, double beta) {
  if (!runs_on_onednn(a) || out.stride(1) != 1) {
    if (beta == 0.0) {
      out.copy_(at::mm(oriented(a, transpose_a), oriented(b, transpose_b)));
    } else {
      out.mul_(beta).add_(at::mm(oriented(a, transpose_a), oriented(b, transpose_b)));
    }
    return;
  }
  if (a.numel() == 0 || b.numel() == 0) {  // oneDNN refuses strides of 0; a sum of nothing is 0
    beta == 0.0 ? out.zero_() : out.mul_(beta);
    return;
  }
  const at::Tensor left = with_contiguous_rows(a);
  const at::Tensor right = with_contiguous_rows(b);
  const std::int64_t k = transpose_a == Transpose::yes ? left.size(0) : left.size(1);
  gemm(transpose_a, transpose_b, out.size(0), out.size(1), k, 1.0F, left.data_ptr<float>(), row_stride(left),
       right.data_ptr<float>(), row_stride(right), static_cast<float>(beta), out.data_ptr<float>(), row_stride(out));
}

at::Tensor matmul(const at::Tensor& a, Transpose transpose_a, const at::Tensor& b, Transpose transpose_b) {
  const std::int64_t rows = transpose_a == Transpose::yes ? a.size(1) : a.size(0);
  const std::int64_t columns = transpose_b == Transpose::yes ? b.size(0) : b.size(1);
  at::Tensor out = at::empty({rows, columns}, a.options());
  matmul_into(out, a, transpose_a, b, transpose_b, 0.0);
  return out;
}

at::Tensor batched_matmul(const at::Tensor& a, Transpose transpose_a, const at::Tensor& b, Transpose transpose_b) {
  const std::int64_t rows = a.size(transpose_a == Transpose::yes ? 2 : 1);
  const std::int64_t columns = b.size(transpose_b == Transpose::yes ? 1 : 2);
  if (!a.is_cpu()) {
    return at::bmm(transpose_a == Transpose::yes ? a.transpose(1, 2) : a,
                   transpose_b == Transpose::yes ? b.transpose(1, 2) : b);
  }
  const std::int64_t k = a.size(transpose_a == Transpose::yes ? 1 : 2);
  at::Tensor out = at::empty({a.size(0), rows, columns}, a.options());
  if (a.numel() == 0 || b.numel() == 0) {
    return out.zero_();
  }
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "batched_matmul", [&] {
    const auto* x = a.data_ptr<scalar_t>();
    const auto* y = b.data_ptr<scalar_t>();
    auto* z = out.data_ptr<scalar_t>();
    parallel_for_work(a.size(0), rows * columns * k, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        gemm(transpose_a, transpose_b, rows, columns, k, scalar_t{1}, x + i * rows * k, a.size(2), y + i * columns * k,
             b.size(2), scalar_t{0}, z + i * rows * columns, columns);
      }
    });
  });
  return out;
}

}  // namespace ntt
