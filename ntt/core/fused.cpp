#include "ntt/core/fused.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "ntt/core/parallel.h"
#include "ntt/core/simd.h"

namespace ntt {
namespace {

/// NTT_SIMD does not reach templates: each loop is a template body, and one clone set for each precision.
template <typename T>
NTT_SIMD_BODY void add_product_body(T* sum, const T* a, const T* b, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    sum[i] += a[i] * b[i];
  }
}
NTT_SIMD void add_product(float* sum, const float* a, const float* b, std::int64_t n) {
  add_product_body(sum, a, b, n);
}
NTT_SIMD void add_product(double* sum, const double* a, const double* b, std::int64_t n) {
  add_product_body(sum, a, b, n);
}

template <typename T>
NTT_SIMD_BODY void gate_body(T* __restrict out, const T* __restrict values, const T* __restrict opening,
                             std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    // Multiplied, so that what is not a number does not vanish; a NaN is not below or equal 0.
    out[i] = values[i] * (opening[i] > 0 ? T{1} : (opening[i] <= 0 ? T{0} : opening[i]));
  }
}
NTT_SIMD void gate_row(float* out, const float* values, const float* opening, std::int64_t count) {
  gate_body(out, values, opening, count);
}
NTT_SIMD void gate_row(double* out, const double* values, const double* opening, std::int64_t count) {
  gate_body(out, values, opening, count);
}

/// Repeats each of m entries q times: the row that multiplies one row of a block matrix.
template <typename T>
void repeat_entries(const T* entries, std::int64_t m, std::int64_t q, T* row) {
  for (std::int64_t j = 0; j < m; ++j) {
    std::fill(row + j * q, row + (j + 1) * q, entries[j]);
  }
}

template <typename T>
void add_blockwise_product_cpu(T* kernel, const T* inputs, const T* deltas, std::int64_t n, std::int64_t p,
                               std::int64_t m, std::int64_t q) {
  parallel_for_work(n, p * m * q, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<T> row(static_cast<std::size_t>(m * q));
    for (std::int64_t i = begin; i < end; ++i) {
      repeat_entries(inputs + i * m, m, q, row.data());
      for (std::int64_t a = i * p; a < (i + 1) * p; ++a) {
        add_product(kernel + a * m * q, row.data(), deltas + a * m * q, m * q);
      }
    }
  });
}

template <typename T>
void blockwise_dot_cpu(const T* a, const T* b, T* sums, std::int64_t n, std::int64_t p, std::int64_t m,
                       std::int64_t q) {
  parallel_for_work(n, p * m * q, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<T> row(static_cast<std::size_t>(m * q));
    for (std::int64_t i = begin; i < end; ++i) {
      std::fill(row.begin(), row.end(), T{0});
      for (std::int64_t r = i * p; r < (i + 1) * p; ++r) {
        add_product(row.data(), a + r * m * q, b + r * m * q, m * q);
      }
      for (std::int64_t j = 0; j < m; ++j) {
        sums[i * m + j] = std::accumulate(row.begin() + j * q, row.begin() + (j + 1) * q, T{0});
      }
    }
  });
}

}  // namespace

void add_blockwise_product(at::Tensor& kernel, const at::Tensor& inputs, const at::Tensor& deltas) {
  if (kernel.numel() == 0) {
    return;
  }
  if (!kernel.is_cpu()) {
    aten::add_blockwise_product(kernel, inputs, deltas);
    return;
  }
  const std::int64_t n = inputs.size(0);
  const std::int64_t m = inputs.size(1);
  AT_DISPATCH_FLOATING_TYPES(kernel.scalar_type(), "add_blockwise_product", [&] {
    add_blockwise_product_cpu(kernel.data_ptr<scalar_t>(), inputs.data_ptr<scalar_t>(), deltas.data_ptr<scalar_t>(), n,
                              deltas.size(0) / n, m, deltas.size(1) / m);
  });
}

at::Tensor blockwise_product(const at::Tensor& inputs, const at::Tensor& values) {
  at::Tensor result = at::zeros_like(values);
  add_blockwise_product(result, inputs, values);
  return result;
}

at::Tensor blockwise_dot(const at::Tensor& a, const at::Tensor& b, std::int64_t n, std::int64_t m) {
  if (a.numel() == 0) {
    return at::zeros({n, m}, a.options());
  }
  if (!a.is_cpu()) {
    return aten::blockwise_dot(a, b, n, m);
  }
  at::Tensor sums = at::empty({n, m}, a.options());
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "blockwise_dot", [&] {
    blockwise_dot_cpu(a.data_ptr<scalar_t>(), b.data_ptr<scalar_t>(), sums.data_ptr<scalar_t>(), n, a.size(0) / n, m,
                      a.size(1) / m);
  });
  return sums;
}

at::Tensor gate(const at::Tensor& values, const at::Tensor& opening) {
  if (!values.is_cpu() || opening.numel() == 0) {
    return aten::gate(values, opening);
  }
  at::Tensor result = at::empty_like(values);
  const std::int64_t size = opening.numel() / opening.size(0);
  const std::int64_t probes = values.size(1);
  // Pieces of rows, so that few long rows are shared out, too.
  constexpr std::int64_t kPiece = 1 << 13;
  const std::int64_t pieces = (size + kPiece - 1) / kPiece;
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "gate", [&] {
    const auto* v = values.data_ptr<scalar_t>();
    const auto* o = opening.data_ptr<scalar_t>();
    auto* r = result.data_ptr<scalar_t>();
    parallel_for_work(values.size(0) * probes * pieces, std::min(size, kPiece),
                      [&](std::int64_t begin, std::int64_t end, int) {
                        for (std::int64_t i = begin; i < end; ++i) {
                          const std::int64_t row = i / pieces;
                          const std::int64_t first = i % pieces * kPiece;
                          gate_row(r + row * size + first, v + row * size + first, o + row / probes * size + first,
                                   std::min(kPiece, size - first));
                        }
                      });
  });
  return result;
}

double sum_of_squares(const at::Tensor& values) {
  if (!values.is_cpu()) {
    return values.to(at::kDouble).square().sum().item<double>();
  }
  const at::Tensor flat = values.contiguous();
  double total = 0;
  AT_DISPATCH_FLOATING_TYPES(flat.scalar_type(), "sum_of_squares", [&] {
    const auto* data = flat.data_ptr<scalar_t>();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      total += static_cast<double>(data[i]) * static_cast<double>(data[i]);
    }
  });
  return total;
}

double subtract_and_square(at::Tensor& a, const at::Tensor& b) {
  if (!a.is_cpu()) {
    return aten::subtract_and_square(a, b);
  }
  double total = 0;
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "subtract_and_square", [&] {
    auto* x = a.data_ptr<scalar_t>();
    const auto* y = b.data_ptr<scalar_t>();
    for (std::int64_t i = 0; i < a.numel(); ++i) {
      x[i] -= y[i];
      total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
  });
  return total;
}

namespace aten {
namespace {

at::Tensor as_blocks(const at::Tensor& values, std::int64_t n, std::int64_t m) {
  return values.view({n, values.size(0) / n, m, values.size(1) / m});
}

}  // namespace

void add_blockwise_product(at::Tensor& kernel, const at::Tensor& inputs, const at::Tensor& deltas) {
  const std::int64_t n = inputs.size(0);
  const std::int64_t m = inputs.size(1);
  as_blocks(kernel, n, m).addcmul_(inputs.view({n, 1, m, 1}), as_blocks(deltas, n, m));
}

at::Tensor blockwise_product(const at::Tensor& inputs, const at::Tensor& values) {
  at::Tensor result = at::zeros_like(values);
  add_blockwise_product(result, inputs, values);
  return result;
}

at::Tensor blockwise_dot(const at::Tensor& a, const at::Tensor& b, std::int64_t n, std::int64_t m) {
  return as_blocks(a * b, n, m).sum({1, 3});
}

at::Tensor gate(const at::Tensor& values, const at::Tensor& opening) {
  return values * opening.sign().unsqueeze(1);
}

double subtract_and_square(at::Tensor& a, const at::Tensor& b) {
  a.sub_(b);
  return sum_of_squares(a);
}

}  // namespace aten
}  // namespace ntt
