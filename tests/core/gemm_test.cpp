#include "ntt/core/gemm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "ntt/core/parallel.h"
#include "tests/core/numerics.h"

namespace ntt {
namespace {

constexpr Transpose kBoth[] = {Transpose::no, Transpose::yes};

at::Tensor oriented(const at::Tensor& matrix, Transpose transpose) {
  return transpose == Transpose::yes ? matrix.t() : matrix;
}

/// op(a) * op(b) by plain loops in double.
at::Tensor product(const at::Tensor& a, Transpose transpose_a, const at::Tensor& b, Transpose transpose_b) {
  const at::Tensor left = oriented(a, transpose_a).to(at::kDouble).contiguous();
  const at::Tensor right = oriented(b, transpose_b).to(at::kDouble).contiguous();
  at::Tensor result = at::zeros({left.size(0), right.size(1)}, at::kDouble);
  const auto l = left.accessor<double, 2>();
  const auto r = right.accessor<double, 2>();
  auto out = result.accessor<double, 2>();
  for (std::int64_t i = 0; i < left.size(0); ++i) {
    for (std::int64_t j = 0; j < right.size(1); ++j) {
      for (std::int64_t k = 0; k < left.size(1); ++k) {
        out[i][j] += l[i][k] * r[k][j];
      }
    }
  }
  return result;
}

struct Size {
  std::int64_t m, n, k;
};
const std::vector<Size> kSizes{{1, 1, 1}, {1, 7, 5}, {7, 1, 3}, {3, 4, 1}, {5, 6, 7}, {33, 17, 65}, {64, 100, 31}};

/// [rows, columns] for op(matrix) of this size.
at::Tensor operand(std::int64_t rows, std::int64_t columns, Transpose transpose, std::uint64_t seed,
                   at::ScalarType dtype) {
  return transpose == Transpose::yes ? draw({columns, rows}, seed, dtype) : draw({rows, columns}, seed, dtype);
}

/// Which of the operands are transposed.
struct Transposes {
  Transpose a, b;
};

class GemmTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::ScalarType dtype() const { return GetParam(); }

  template <typename Check>
  static void for_each_transpose(Check&& check) {
    for (const Transpose a : kBoth) {
      for (const Transpose b : kBoth) {
        SCOPED_TRACE(fmt::format("{}{}", static_cast<char>(a), static_cast<char>(b)));
        check(Transposes{a, b});
      }
    }
  }

  /// gemm on tensors whose rows may lie apart.
  void run(const Transposes& t, const Size& size, double alpha, const at::Tensor& a, const at::Tensor& b, double beta,
           at::Tensor& c) const {
    const auto call = [&](auto zero) {
      using T = decltype(zero);
      gemm(t.a, t.b, size.m, size.n, size.k, static_cast<T>(alpha), a.data_ptr<T>(), a.stride(0), b.data_ptr<T>(),
           b.stride(0), static_cast<T>(beta), c.data_ptr<T>(), c.stride(0));
    };
    dtype() == at::kFloat ? call(0.0F) : call(0.0);
  }
};

TEST_P(GemmTest, EqualsPlainLoops) {
  for_each_transpose([&](const Transposes& t) {
    for (const Size& size : kSizes) {
      const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
      const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
      const at::Tensor before = draw({size.m, size.n}, 3, dtype());
      for (const double alpha : {1.0, -0.5}) {
        for (const double beta : {0.0, 1.0, 0.25}) {
          at::Tensor c = before.clone();
          run(t, size, alpha, a, b, beta, c);
          const at::Tensor expected = alpha * product(a, t.a, b, t.b) + beta * before.to(at::kDouble);
          EXPECT_LT(error_of(c, expected), tolerance(dtype())) << size.m << " " << size.n << " " << size.k;
        }
      }
    }
  });
}

TEST_P(GemmTest, KeepsToItsRowsOfLargerMatrices) {
  for_each_transpose([&](const Transposes& t) {
    const Size size{5, 6, 7};
    const auto inside = [](const at::Tensor& matrix) {
      at::Tensor whole = at::full({matrix.size(0), matrix.size(1) + 3}, 1e30, matrix.options());
      whole.narrow(1, 0, matrix.size(1)).copy_(matrix);
      return whole;
    };
    const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
    const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
    at::Tensor c = inside(at::zeros({size.m, size.n}, a.options()));
    run(t, size, 1, inside(a), inside(b), 1, c);
    EXPECT_LT(error_of(c.narrow(1, 0, size.n), product(a, t.a, b, t.b)), tolerance(dtype()));
    EXPECT_TRUE((c.narrow(1, size.n, 3) == at::full({}, 1e30, a.options())).all().item<bool>());
  });
}

TEST_P(GemmTest, BetaZeroDoesNotReadTheResult) {
  for_each_transpose([&](const Transposes& t) {
    const Size size{5, 6, 7};
    const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
    const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
    at::Tensor c = at::full({size.m, size.n}, std::numeric_limits<double>::quiet_NaN(), a.options());
    run(t, size, 1, a, b, 0, c);
    EXPECT_LT(error_of(c, product(a, t.a, b, t.b)), tolerance(dtype()));
  });
}

TEST_P(GemmTest, WorksInsideAParallelRegion) {
  for_each_transpose([&](const Transposes& t) {
    const ThreadsGuard guard(2);
    const Size size{33, 17, 65};
    const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
    const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
    at::Tensor c = at::zeros({4, size.m, size.n}, a.options());
    parallel_for(4, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        at::Tensor mine = c[i];
        run(t, size, 1, a, b, 0, mine);
      }
    });
    const at::Tensor expected = product(a, t.a, b, t.b);
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_LT(error_of(c[i], expected), tolerance(dtype()));
    }
  });
}

TEST_P(GemmTest, MatmulEqualsPlainLoopsOnAnyNumberOfThreads) {
  for_each_transpose([&](const Transposes& t) {
    for (const int count : {1, 2}) {
      const ThreadsGuard guard(count);
      for (const Size& size : kSizes) {
        const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
        const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
        const at::Tensor expected = product(a, t.a, b, t.b);
        EXPECT_LT(error_of(matmul(a, t.a, b, t.b), expected), tolerance(dtype()));
        at::Tensor out = draw({size.m, size.n}, 3, dtype());
        const at::Tensor before = out.to(at::kDouble, false, true);
        matmul_into(out, a, t.a, b, t.b, 0.5);
        EXPECT_LT(error_of(out, expected + 0.5 * before), tolerance(dtype()));
      }
    }
  });
}

/// The same matrix in other memory layouts.
std::vector<at::Tensor> layouts(const at::Tensor& matrix) {
  const auto options = matrix.options();
  const std::int64_t rows = matrix.size(0);
  const std::int64_t columns = matrix.size(1);
  return {
      matrix,
      at::empty({columns, rows}, options).t().copy_(matrix),  // of one row, its stride is 1
      at::empty({rows, columns + 3}, options).narrow(1, 2, columns).copy_(matrix),
      at::empty({2 * rows, columns}, options).as_strided({rows, columns}, {2 * columns, 1}).copy_(matrix),
      at::empty({rows, 2 * columns}, options).as_strided({rows, columns}, {2 * columns, 2}).copy_(matrix),
  };
}

TEST_P(GemmTest, MatmulTakesAnyLayout) {
  for_each_transpose([&](const Transposes& t) {
    for (const Size& size : {Size{1, 5, 4}, Size{5, 1, 4}, Size{5, 4, 1}, Size{1, 1, 6}, Size{4, 5, 6}}) {
      const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
      const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
      const at::Tensor before = draw({size.m, size.n}, 3, dtype());
      const at::Tensor expected = product(a, t.a, b, t.b);
      for (const at::Tensor& left : layouts(a)) {
        for (const at::Tensor& right : layouts(b)) {
          EXPECT_LT(error_of(matmul(left, t.a, right, t.b), expected), tolerance(dtype()))
              << left.sizes() << left.strides() << right.sizes() << right.strides();
        }
        for (std::size_t layout = 0; layout < layouts(before).size(); ++layout) {
          at::Tensor out = layouts(before.clone())[layout];
          matmul_into(out, left, t.a, b, t.b, 1.0);
          EXPECT_LT(error_of(out, expected + before.to(at::kDouble)), tolerance(dtype())) << out.strides();
        }
      }
    }
  });
}

TEST_P(GemmTest, EmptySizesAreSumsOfNothing) {
  for_each_transpose([&](const Transposes& t) {
    for (const Size& size : {Size{0, 3, 2}, Size{3, 0, 2}, Size{3, 2, 0}, Size{0, 0, 4}, Size{0, 0, 0}}) {
      const at::Tensor a = operand(size.m, size.k, t.a, 1, dtype());
      const at::Tensor b = operand(size.k, size.n, t.b, 2, dtype());
      const at::Tensor result = matmul(a, t.a, b, t.b);
      EXPECT_TRUE(at::equal(result, at::zeros({size.m, size.n}, a.options())));
      for (const double beta : {0.0, 1.0, 0.5}) {
        at::Tensor out = at::ones({size.m, size.n}, a.options());
        matmul_into(out, a, t.a, b, t.b, beta);
        EXPECT_TRUE(at::equal(out, at::full({size.m, size.n}, beta, a.options())))
            << size.m << size.n << size.k << beta;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Types, GemmTest, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& parameter) { return parameter.param == at::kFloat ? "Float" : "Double"; });

TEST(GemmOperations, CountTwoForEachMultiplyAdd) {
  const at::Tensor a = draw({3, 5}, 1, at::kFloat);
  const std::int64_t before = gemm_operations();
  matmul(a, Transpose::no, a, Transpose::yes);
  EXPECT_EQ(gemm_operations() - before, 2 * 3 * 3 * 5);
}

}  // namespace
}  // namespace ntt
