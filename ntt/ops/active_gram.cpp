#include "ntt/ops/active_gram.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <functional>

#include "ntt/core/gemm.h"
#include "ntt/core/parallel.h"

namespace ntt {
namespace {

constexpr std::int64_t kPieceEntries = 1 << 22;  // of J: 16 MiB in float32, in reach of the last cache

/// Where some of the kept weights read: their output's delta and their input. int64 [kept].
struct KeptWeights {
  at::Tensor output;
  at::Tensor input;
};

struct Piece {
  std::int64_t first;
  std::int64_t count;
};

void for_each_piece(std::int64_t rows, std::int64_t kept, const std::function<void(Piece)>& visit) {
  const std::int64_t step = std::max<std::int64_t>(1, kPieceEntries / std::max<std::int64_t>(rows, 1));
  for (std::int64_t first = 0; first < kept; first += step) {
    visit({first, std::min(step, kept - first)});
  }
}

KeptWeights narrowed(const SparsityPattern& pattern, Piece piece) {
  return {pattern.rows().narrow(0, piece.first, piece.count), pattern.columns().narrow(0, piece.first, piece.count)};
}

/// The Jacobian's columns of these kept weights: [n*k, kept].
at::Tensor kept_jacobian(const GramRows& rows, const KeptWeights& kept) {
  const std::int64_t probes = rows.delta.size(1);
  if (!rows.delta.is_cpu()) {
    const at::Tensor inputs = rows.inputs.front().index_select(1, kept.input).unsqueeze(1);
    return (rows.delta.index_select(2, kept.output) * inputs).flatten(0, 1);
  }
  const std::int64_t count = kept.output.size(0);
  at::Tensor jacobian = at::empty({rows.delta.size(0) * probes, count}, rows.delta.options());
  AT_DISPATCH_FLOATING_TYPES(jacobian.scalar_type(), "kept_jacobian", [&] {
    const auto* delta = rows.delta.data_ptr<scalar_t>();
    const auto* input = rows.inputs.front().data_ptr<scalar_t>();
    const auto* o = kept.output.data_ptr<std::int64_t>();
    const auto* q = kept.input.data_ptr<std::int64_t>();
    auto* out = jacobian.data_ptr<scalar_t>();
    const std::int64_t out_features = rows.delta.size(2);
    const std::int64_t in_features = rows.inputs.front().size(1);
    parallel_for_work(jacobian.size(0), count, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = begin; r < end; ++r) {
        const scalar_t* d = delta + r * out_features;
        const scalar_t* a = input + r / probes * in_features;
        for (std::int64_t p = 0; p < count; ++p) {
          out[r * count + p] = d[o[p]] * a[q[p]];
        }
      }
    });
  });
  return jacobian;
}

/// Scatters the cotangent [n*k, kept] of the kept Jacobian to delta_bar [n, k, out] and, if defined, input_bar [n, in].
void scatter_kept(const GramRows& rows, const KeptWeights& kept, const at::Tensor& cotangent, GramRows& bar) {
  const std::int64_t probes = rows.delta.size(1);
  if (!rows.delta.is_cpu()) {
    const at::Tensor u = split_probes(cotangent, probes);
    bar.delta.index_add_(2, kept.output, u * rows.inputs.front().index_select(1, kept.input).unsqueeze(1));
    if (bar.inputs.front().defined()) {
      bar.inputs.front().index_add_(1, kept.input, (u * rows.delta.index_select(2, kept.output)).sum(1));
    }
    return;
  }
  const std::int64_t count = kept.output.size(0);
  AT_DISPATCH_FLOATING_TYPES(cotangent.scalar_type(), "scatter_kept", [&] {
    const auto* delta = rows.delta.data_ptr<scalar_t>();
    const auto* input = rows.inputs.front().data_ptr<scalar_t>();
    const auto* o = kept.output.data_ptr<std::int64_t>();
    const auto* q = kept.input.data_ptr<std::int64_t>();
    const auto* u = cotangent.data_ptr<scalar_t>();
    auto* delta_bar = bar.delta.data_ptr<scalar_t>();
    auto* input_bar = bar.inputs.front().defined() ? bar.inputs.front().data_ptr<scalar_t>() : nullptr;
    const std::int64_t out_features = rows.delta.size(2);
    const std::int64_t in_features = rows.inputs.front().size(1);
    parallel_for_work(rows.inputs.front().size(0), probes * count, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = begin * probes; r < end * probes; ++r) {
        const scalar_t* a = input + r / probes * in_features;
        for (std::int64_t p = 0; p < count; ++p) {
          delta_bar[r * out_features + o[p]] += u[r * count + p] * a[q[p]];
        }
        for (std::int64_t p = 0; input_bar != nullptr && p < count; ++p) {
          input_bar[r / probes * in_features + q[p]] += u[r * count + p] * delta[r * out_features + o[p]];
        }
      }
    });
  });
}

/// Zeros where a cotangent is still undefined.
void make_sums(const GramRows& rows, bool want_input, GramRows& bar) {
  if (!bar.delta.defined()) {
    bar.delta = at::zeros_like(rows.delta);
  }
  if (want_input && !bar.inputs.front().defined()) {
    bar.inputs.front() = at::zeros_like(rows.inputs.front());
  }
}

}  // namespace

void add_active_gram(const GramRows& left, const GramRows& right, const SparsityPattern& pattern, at::Tensor& kernel) {
  for_each_piece(kernel.size(0) + kernel.size(1), pattern.kept(), [&](Piece piece) {
    const KeptWeights part = narrowed(pattern, piece);
    const at::Tensor left_jacobian = kept_jacobian(left, part);
    const at::Tensor right_jacobian = same_rows(left, right) ? left_jacobian : kept_jacobian(right, part);
    matmul_into(kernel, left_jacobian, Transpose::no, right_jacobian, Transpose::yes, 1.0);
  });
}

void add_active_gram_adjoint(const GramRows& left, const GramRows& right, const SparsityPattern& pattern,
                             const at::Tensor& cotangent, bool want_input, GramCotangents& into) {
  const bool symmetric = same_rows(left, right);
  make_sums(left, want_input, into.left);
  if (!symmetric) {
    make_sums(right, want_input, into.right);
  }
  for_each_piece(cotangent.size(0) + cotangent.size(1), pattern.kept(), [&](Piece piece) {
    const KeptWeights part = narrowed(pattern, piece);
    const at::Tensor left_jacobian = kept_jacobian(left, part);
    const at::Tensor right_jacobian = symmetric ? left_jacobian : kept_jacobian(right, part);
    at::Tensor by_left = matmul(cotangent, Transpose::no, right_jacobian, Transpose::no);
    if (symmetric) {
      by_left.mul_(2);
    } else {
      scatter_kept(right, part, matmul(cotangent, Transpose::yes, left_jacobian, Transpose::no), into.right);
    }
    scatter_kept(left, part, by_left, into.left);
  });
}

}  // namespace ntt
