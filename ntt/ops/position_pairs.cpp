#include "ntt/ops/position_pairs.h"

#include <ATen/ATen.h>

#include "ntt/core/gemm.h"

namespace ntt {
namespace {

/// Rows of one side as matrices whose row is one position: deltas [n*k*positions, out], patches [n*positions, patch].
struct PositionRows {
  at::Tensor deltas;
  at::Tensor patches;
};

PositionRows position_rows(const ConvGeometry& g, const GramRows& rows) {
  const at::Tensor deltas = merge_probes(rows.delta).flatten(2).transpose(1, 2).contiguous().flatten(0, 1);
  const at::Tensor patches = conv_patches(g, rows.inputs.front()).transpose(1, 2).contiguous().flatten(0, 1);
  return {deltas, patches};
}

/// The position pairs of left input i against all of the right: patches' products [p, m*p], deltas' [k*p, m*k*p].
struct PositionPairs {
  at::Tensor patches;
  at::Tensor deltas;
};

PositionPairs pairs_of(const ConvGeometry& g, std::int64_t i, std::int64_t probes, const PositionRows& left,
                       const PositionRows& right) {
  const std::int64_t positions = g.positions();
  return {matmul(left.patches.narrow(0, i * positions, positions), Transpose::no, right.patches, Transpose::yes),
          matmul(left.deltas.narrow(0, i * probes * positions, probes * positions), Transpose::no, right.deltas,
                 Transpose::yes)};
}

at::Tensor to_delta_shape(const at::Tensor& position_deltas, const at::Tensor& like) {
  return position_deltas.view({like.size(0) * like.size(1), -1, like.size(2)})
      .transpose(1, 2)
      .contiguous()
      .view(like.sizes());
}

at::Tensor to_images(const ConvGeometry& g, const at::Tensor& position_patches, std::int64_t count) {
  return conv_fold(g, position_patches.view({count, g.positions(), g.patch()}).transpose(1, 2).contiguous());
}

}  // namespace

void add_position_pairs_gram(const ConvGeometry& g, const GramRows& left, const GramRows& right, at::Tensor& kernel) {
  const std::int64_t probes = left.delta.size(1);
  const std::int64_t positions = g.positions();
  const std::int64_t m = right.delta.size(0);
  const PositionRows l = position_rows(g, left);
  const PositionRows r = same_rows(left, right) ? l : position_rows(g, right);
  for (std::int64_t i = 0; i < left.delta.size(0); ++i) {
    const PositionPairs pairs = pairs_of(g, i, probes, l, r);
    const at::Tensor product = pairs.deltas.view({probes, positions, m, probes, positions}) *
                               pairs.patches.view({1, positions, m, 1, positions});
    kernel.narrow(0, i * probes, probes).add_(product.sum(at::IntArrayRef{1, 4}).view({probes, m * probes}));
  }
}

GramCotangents position_pairs_gram_adjoint(const ConvGeometry& g, const GramRows& left, const GramRows& right,
                                           const at::Tensor& cotangent, bool want_input) {
  const bool symmetric = same_rows(left, right);
  const std::int64_t probes = left.delta.size(1);
  const std::int64_t positions = g.positions();
  const std::int64_t n = left.delta.size(0);
  const std::int64_t m = right.delta.size(0);
  const PositionRows l = position_rows(g, left);
  const PositionRows r = symmetric ? l : position_rows(g, right);
  PositionRows l_bar{at::zeros_like(l.deltas), at::zeros_like(l.patches)};
  PositionRows r_bar{at::zeros_like(r.deltas), at::zeros_like(r.patches)};
  for (std::int64_t i = 0; i < n; ++i) {
    const PositionPairs pairs = pairs_of(g, i, probes, l, r);
    const at::Tensor weights = cotangent.narrow(0, i * probes, probes).reshape({probes, 1, m, probes, 1});
    const at::Tensor by_deltas = (weights * pairs.patches.view({1, positions, m, 1, positions}))
                                     .reshape({probes * positions, m * probes * positions});
    at::Tensor left_deltas = l_bar.deltas.narrow(0, i * probes * positions, probes * positions);
    matmul_into(left_deltas, by_deltas, Transpose::no, r.deltas, Transpose::no, 1.0);
    matmul_into(r_bar.deltas, by_deltas, Transpose::yes, l.deltas.narrow(0, i * probes * positions, probes * positions),
                Transpose::no, 1.0);
    if (want_input) {
      const at::Tensor by_patches = (weights * pairs.deltas.view({probes, positions, m, probes, positions}))
                                        .sum(at::IntArrayRef{0, 3})
                                        .view({positions, m * positions});
      at::Tensor left_patches = l_bar.patches.narrow(0, i * positions, positions);
      matmul_into(left_patches, by_patches, Transpose::no, r.patches, Transpose::no, 1.0);
      matmul_into(r_bar.patches, by_patches, Transpose::yes, l.patches.narrow(0, i * positions, positions),
                  Transpose::no, 1.0);
    }
  }
  if (symmetric) {
    l_bar = {l_bar.deltas + r_bar.deltas, l_bar.patches + r_bar.patches};
  }
  GramCotangents result;
  result.left.inputs.resize(1);
  result.right.inputs.resize(1);
  result.left.delta = to_delta_shape(l_bar.deltas, left.delta);
  result.left.inputs.front() = want_input ? to_images(g, l_bar.patches, n) : at::Tensor();
  if (!symmetric) {
    result.right.delta = to_delta_shape(r_bar.deltas, right.delta);
    result.right.inputs.front() = want_input ? to_images(g, r_bar.patches, m) : at::Tensor();
  }
  return result;
}

}  // namespace ntt
