#include "ntt/ops/active_gram.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing_support::relative_error;

at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType dtype = at::kDouble) {
  RandomStream stream(seed, "test-active-gram");
  return random_normal(stream, shape, 1.0, dtype);
}

GramRows rows_of(at::Tensor input, at::Tensor delta) {
  return {{std::move(input)}, std::move(delta), {}};
}

/// A random mask [out, in], and the dense Jacobian at what it keeps.
struct ActiveProblem {
  std::unique_ptr<SparsityPattern> pattern;
  GramRows left;
  GramRows right;

  ActiveProblem(std::int64_t in, std::int64_t out, double density, std::int64_t n, std::int64_t m, std::int64_t probes,
                at::ScalarType dtype) {
    RandomStream stream(1, "test-kept");
    at::Tensor mask = at::zeros({out * in}, dtype);
    for (std::int64_t i = 0; i < out * in; ++i) {
      if (stream.uniform() < density) {
        mask[i] = 1;
      }
    }
    pattern = std::make_unique<SparsityPattern>(mask.view({out, in}));
    left = rows_of(draw({n, in}, 2, dtype), draw({n, probes, out}, 3, dtype));
    right = rows_of(draw({m, in}, 4, dtype), draw({m, probes, out}, 5, dtype));
  }

  at::Tensor jacobian(const GramRows& rows) const {
    const at::Tensor inputs = rows.inputs[0].to(at::kDouble).index_select(1, pattern->columns()).unsqueeze(1);
    return (rows.delta.to(at::kDouble).index_select(2, pattern->rows()) * inputs).flatten(0, 1);
  }
};

void check_active_gram(const ActiveProblem& p, double limit) {
  const at::Tensor left = p.jacobian(p.left);
  const at::Tensor right = p.jacobian(p.right);
  const auto options = p.left.delta.options();
  const at::Tensor before = draw({left.size(0), right.size(0)}, 6, p.left.delta.scalar_type());
  at::Tensor cross = before.clone();
  add_active_gram(p.left, p.right, *p.pattern, cross);
  EXPECT_LT(relative_error(cross, before.to(at::kDouble) + at::mm(left, right.t())), limit);
  at::Tensor own = at::zeros({left.size(0), left.size(0)}, options);
  add_active_gram(p.left, p.left, *p.pattern, own);
  EXPECT_LT(relative_error(own, at::mm(left, left.t())), limit);
}

/// U [n*k, kept] of the Jacobian to the cotangents of its rows, by way of the dense weights.
GramRows scattered(const ActiveProblem& p, const GramRows& rows, const at::Tensor& cotangent) {
  const std::int64_t in = rows.inputs[0].size(1);
  const std::int64_t out = rows.delta.size(2);
  at::Tensor dense = at::zeros({cotangent.size(0), out * in}, at::kDouble);
  dense.index_copy_(1, p.pattern->indices(), cotangent);
  dense = dense.view({rows.delta.size(0), rows.delta.size(1), out, in});
  return rows_of(at::einsum("nkoi,nko->ni", {dense, rows.delta.to(at::kDouble)}),
                 at::einsum("nkoi,ni->nko", {dense, rows.inputs[0].to(at::kDouble)}));
}

void check_active_gram_adjoint(const ActiveProblem& p, double limit) {
  const at::Tensor left = p.jacobian(p.left);
  const at::Tensor right = p.jacobian(p.right);
  const at::ScalarType dtype = p.left.delta.scalar_type();
  const at::Tensor cotangent = draw({left.size(0), right.size(0)}, 7, dtype);
  const GramRows left_bar = scattered(p, p.left, at::mm(cotangent.to(at::kDouble), right));
  const GramRows right_bar = scattered(p, p.right, at::mm(cotangent.to(at::kDouble).t(), left));
  GramCotangents into{rows_of({}, at::ones_like(p.left.delta)), rows_of({}, at::ones_like(p.right.delta))};
  add_active_gram_adjoint(p.left, p.right, *p.pattern, cotangent, true, into);
  EXPECT_LT(relative_error(into.left.delta, left_bar.delta + 1), limit) << "added to what is there";
  EXPECT_LT(relative_error(into.right.delta, right_bar.delta + 1), limit);
  EXPECT_LT(relative_error(into.left.inputs[0], left_bar.inputs[0]), limit);
  EXPECT_LT(relative_error(into.right.inputs[0], right_bar.inputs[0]), limit);
  const at::Tensor square = draw({left.size(0), left.size(0)}, 8, dtype);
  const at::Tensor symmetric = square + square.t();
  const GramRows own_bar = scattered(p, p.left, 2 * at::mm(symmetric.to(at::kDouble), left));
  GramCotangents own{rows_of({}, at::zeros_like(p.left.delta)), {}};
  add_active_gram_adjoint(p.left, p.left, *p.pattern, symmetric, false, own);
  EXPECT_LT(relative_error(own.left.delta, own_bar.delta), limit);
  EXPECT_FALSE(own.left.inputs[0].defined());
  EXPECT_FALSE(own.right.delta.defined());
}

TEST(ActiveGram, IsTheProductOfTheKeptColumns) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const double limit = dtype == at::kFloat ? 2e-5 : 1e-12;
    for (const double density : {0.03, 0.4, 1.0}) {
      const ActiveProblem problem(13, 11, density, 5, 3, 2, dtype);
      check_active_gram(problem, limit);
      check_active_gram_adjoint(problem, limit);
    }
  }
}

TEST(ActiveGram, InPiecesIsTheSumOfItsParts) {
  // Of 200 rows, a piece holds 20971 of the 48000 or so kept weights.
  const ActiveProblem p(300, 200, 0.8, 100, 100, 1, at::kFloat);
  ASSERT_GT(p.pattern->kept(), 2 * (std::int64_t{1} << 22) / 200);
  check_active_gram(p, 2e-5);
  check_active_gram_adjoint(p, 2e-5);
}

TEST(ActiveGram, OfNothingKeptIsNothing) {
  const ActiveProblem problem(4, 3, 0.0, 2, 2, 2, at::kFloat);
  const at::Tensor before = draw({4, 4}, 1, at::kFloat);
  at::Tensor kernel = before.clone();
  add_active_gram(problem.left, problem.right, *problem.pattern, kernel);
  EXPECT_TRUE(at::equal(kernel, before));
  GramCotangents into{rows_of({}, at::zeros_like(problem.left.delta)),
                      rows_of({}, at::zeros_like(problem.right.delta))};
  add_active_gram_adjoint(problem.left, problem.right, *problem.pattern, before, true, into);
  for (const at::Tensor& bar : {into.left.delta, into.left.inputs[0], into.right.delta, into.right.inputs[0]}) {
    EXPECT_TRUE((bar == 0).all().item<bool>());
  }
}

}  // namespace
}  // namespace ntt
