#include "ntt/nn/active_gram.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing_support::relative_error;

at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType dtype = at::kDouble) {
  RandomStream stream(seed, "test-active-gram");
  return random_normal(stream, shape, 1.0, dtype);
}

/// Kept weights of a random mask [out, in], and the dense Jacobian at them.
struct ActiveProblem {
  KeptWeights kept;
  GramRows left;
  GramRows right;

  ActiveProblem(std::int64_t in, std::int64_t out, double density, std::int64_t n, std::int64_t m, std::int64_t probes,
                at::ScalarType dtype) {
    RandomStream stream(1, "test-kept");
    std::vector<std::int64_t> outputs;
    std::vector<std::int64_t> inputs;
    for (std::int64_t place = 0; place < out * in; ++place) {
      if (stream.uniform() < density) {
        outputs.push_back(place / in);
        inputs.push_back(place % in);
      }
    }
    kept = {at::tensor(outputs, at::kLong), at::tensor(inputs, at::kLong)};
    left = {draw({n, in}, 2, dtype), draw({n, probes, out}, 3, dtype)};
    right = {draw({m, in}, 4, dtype), draw({m, probes, out}, 5, dtype)};
  }

  at::Tensor jacobian(const GramRows& rows) const {
    const at::Tensor inputs = rows.input.to(at::kDouble).index_select(1, kept.input).unsqueeze(1);
    return (rows.delta.to(at::kDouble).index_select(2, kept.output) * inputs).flatten(0, 1);
  }
};

void check_active_gram(const ActiveProblem& p, double limit) {
  const at::Tensor left = p.jacobian(p.left);
  const at::Tensor right = p.jacobian(p.right);
  const auto options = p.left.input.options();
  const at::Tensor before = draw({left.size(0), right.size(0)}, 6, p.left.input.scalar_type());
  at::Tensor cross = before.clone();
  add_active_gram(p.left, p.right, p.kept, cross);
  EXPECT_LT(relative_error(cross, before.to(at::kDouble) + at::mm(left, right.t())), limit);
  at::Tensor own = at::zeros({left.size(0), left.size(0)}, options);
  add_active_gram(p.left, p.left, p.kept, own);
  EXPECT_LT(relative_error(own, at::mm(left, left.t())), limit);
}

/// U [n*k, kept] of the Jacobian to the cotangents of its rows, by way of the dense weights.
GramRows scattered(const ActiveProblem& p, const GramRows& rows, const at::Tensor& cotangent) {
  const std::int64_t in = rows.input.size(1);
  const std::int64_t out = rows.delta.size(2);
  at::Tensor dense = at::zeros({cotangent.size(0), out * in}, at::kDouble);
  dense.index_copy_(1, p.kept.output * in + p.kept.input, cotangent);
  dense = dense.view({rows.delta.size(0), rows.delta.size(1), out, in});
  return {at::einsum("nkoi,nko->ni", {dense, rows.delta.to(at::kDouble)}),
          at::einsum("nkoi,ni->nko", {dense, rows.input.to(at::kDouble)})};
}

void check_active_gram_adjoint(const ActiveProblem& p, double limit) {
  const at::Tensor left = p.jacobian(p.left);
  const at::Tensor right = p.jacobian(p.right);
  const at::ScalarType dtype = p.left.input.scalar_type();
  const at::Tensor cotangent = draw({left.size(0), right.size(0)}, 7, dtype);
  const GramRows left_bar = scattered(p, p.left, at::mm(cotangent.to(at::kDouble), right));
  const GramRows right_bar = scattered(p, p.right, at::mm(cotangent.to(at::kDouble).t(), left));
  GramCotangents into{{{}, at::ones_like(p.left.delta)}, {{}, at::ones_like(p.right.delta)}};
  add_active_gram_adjoint(p.left, p.right, p.kept, cotangent, true, into);
  EXPECT_LT(relative_error(into.left.delta, left_bar.delta + 1), limit) << "added to what is there";
  EXPECT_LT(relative_error(into.right.delta, right_bar.delta + 1), limit);
  EXPECT_LT(relative_error(into.left.input, left_bar.input), limit);
  EXPECT_LT(relative_error(into.right.input, right_bar.input), limit);
  const at::Tensor square = draw({left.size(0), left.size(0)}, 8, dtype);
  const at::Tensor symmetric = square + square.t();
  const GramRows own_bar = scattered(p, p.left, 2 * at::mm(symmetric.to(at::kDouble), left));
  GramCotangents own{{{}, at::zeros_like(p.left.delta)}, {}};
  add_active_gram_adjoint(p.left, p.left, p.kept, symmetric, false, own);
  EXPECT_LT(relative_error(own.left.delta, own_bar.delta), limit);
  EXPECT_FALSE(own.left.input.defined());
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
  const std::int64_t count = p.kept.output.size(0);
  ASSERT_GT(count, 2 * (std::int64_t{1} << 22) / 200);
  struct Sums {
    at::Tensor kernel = at::zeros({100, 100});
    GramCotangents bar{{at::zeros({100, 300}), at::zeros({100, 1, 200})},
                       {at::zeros({100, 300}), at::zeros({100, 1, 200})}};
  };
  const at::Tensor cotangent = draw({100, 100}, 7, at::kFloat);
  const auto add = [&](std::int64_t first, std::int64_t last, Sums& sums) {
    const KeptWeights part{p.kept.output.slice(0, first, last), p.kept.input.slice(0, first, last)};
    add_active_gram(p.left, p.right, part, sums.kernel);
    add_active_gram_adjoint(p.left, p.right, part, cotangent, true, sums.bar);
  };
  Sums whole;
  add(0, count, whole);
  Sums parts;
  for (std::int64_t part = 0; part < 5; ++part) {
    add(count * part / 5, count * (part + 1) / 5, parts);
  }
  EXPECT_LT(relative_error(whole.kernel, parts.kernel), 1e-5);
  EXPECT_LT(relative_error({whole.bar.left.delta, whole.bar.left.input, whole.bar.right.delta, whole.bar.right.input},
                           {parts.bar.left.delta, parts.bar.left.input, parts.bar.right.delta, parts.bar.right.input}),
            1e-5);
}

TEST(ActiveGram, OfNothingKeptIsNothing) {
  const ActiveProblem problem(4, 3, 0.0, 2, 2, 2, at::kFloat);
  const at::Tensor before = draw({4, 4}, 1, at::kFloat);
  at::Tensor kernel = before.clone();
  add_active_gram(problem.left, problem.right, problem.kept, kernel);
  EXPECT_TRUE(at::equal(kernel, before));
  GramCotangents into{{{}, at::zeros_like(problem.left.delta)}, {{}, at::zeros_like(problem.right.delta)}};
  add_active_gram_adjoint(problem.left, problem.right, problem.kept, before, true, into);
  for (const at::Tensor& bar : {into.left.delta, into.left.input, into.right.delta, into.right.input}) {
    EXPECT_TRUE((bar == 0).all().item<bool>());
  }
}

}  // namespace
}  // namespace ntt
