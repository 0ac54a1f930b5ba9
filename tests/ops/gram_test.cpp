// Gram and its adjoint of every operator with parameters, in every case of the oracle's table, against autograd.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ntt/ops/convolution.h"
#include "tests/ops/subject.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;

constexpr double kLimit = 1e-11;
constexpr std::int64_t kInputs = 5;

using Method = Convolution::GramMethod;

/// A case of the table, and of a convolution also how it multiplies Jacobians.
struct GramCase {
  std::string name;
  Method method = Method::automatic;

  Subject subject(std::int64_t inputs, std::int64_t probes) const {
    Subject s = testing_support::subject(name, inputs, probes);
    if (method != Method::automatic) {
      const Shape& weight = s.parameters.front()->shape;
      s.op = std::make_unique<Convolution>(dynamic_cast<const Convolution&>(*s.op).geometry(), weight.front(),
                                           weight.size() - 2, s.parameters.size() == 2, method);
    }
    return s;
  }
};

std::vector<GramCase> gram_cases() {
  std::vector<GramCase> cases;
  for (const std::string& name : operator_case_names()) {
    const Subject s = subject(name);
    if (s.op->as_parametric() == nullptr) {
      continue;
    }
    cases.push_back({name});
    const auto* convolution = dynamic_cast<const Convolution*>(s.op.get());
    if (convolution != nullptr && convolution->geometry().groups == 1) {
      cases.push_back({name, Method::jacobian});
      cases.push_back({name, Method::slices});
      cases.push_back({name, Method::position_pairs});
    }
  }
  return cases;
}

std::string name_of(const testing::TestParamInfo<GramCase>& test) {
  const char* const methods[] = {"", "_by_jacobian", "_by_slices", "_by_position_pairs"};
  return test.param.name + methods[static_cast<std::size_t>(test.param.method)];
}

/// The rows of a side as autograd follows them, with their Jacobians [n*k, entries] by each trained parameter.
struct Side {
  Side(const Subject& s, const Tensors& parameters, std::int64_t first, std::int64_t count)
      : delta(s.delta.narrow(0, first, count).clone().set_requires_grad(true)) {
    for (const at::Tensor& input : s.x) {
      x.push_back(input.narrow(0, first, count).clone().set_requires_grad(true));
    }
    const at::Tensor y = s.row.reference({s.made.attributes, x, parameters, count, Statistics::running});
    jacobians.resize(parameters.size());
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t a = 0; a < delta.size(1); ++a) {
        const Tensors one = derivatives((delta[i][a] * y[i]).sum(), parameters, true);
        for (std::size_t p = 0; p < one.size(); ++p) {
          jacobians[p].push_back(one[p].flatten());
        }
      }
    }
  }

  at::Tensor jacobian(std::size_t parameter) const { return at::stack(jacobians[parameter]); }

  Tensors x;
  at::Tensor delta;
  std::vector<Tensors> jacobians;
};

/// A subject with both of its sides: its first inputs and the others.
struct Problem {
  Problem(Subject made, std::int64_t first)
      : s(std::move(made)),
        count(first),
        parameters(s.parameter_leaves()),
        left(s, parameters, 0, count),
        right(s, parameters, count, kInputs - count) {}

  const ParametricOperator& op() const { return *s.op->as_parametric(); }
  GramRows left_rows() const { return s.rows(0, count); }
  GramRows right_rows() const { return s.rows(count, kInputs - count); }

  at::Tensor counted(const Side& side, std::size_t p, ParameterSet set) const {
    const at::Tensor jacobian = side.jacobian(p);
    const at::Tensor mask = s.parameters[p]->mask();
    return set == ParameterSet::active && mask.defined() ? jacobian * mask.flatten() : jacobian;
  }
  at::Tensor kernel(const Side& a, const Side& b, ParameterSet set) const {
    at::Tensor sum = at::zeros({a.delta.size(0) * a.delta.size(1), b.delta.size(0) * b.delta.size(1)}, at::kDouble);
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      if (s.parameters[p]->trained()) {
        sum = sum + at::mm(counted(a, p, set), counted(b, p, set).t());
      }
    }
    return sum;
  }

  Subject s;
  std::int64_t count;  ///< of the left side
  Tensors parameters;
  Side left;
  Side right;
};

/// max |a - b|, relative to b where that is not small; an undefined tensor stands for zeros.
double error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor found = actual.defined() ? actual : at::zeros_like(expected);
  EXPECT_EQ(found.sizes(), expected.sizes());
  return (found - expected).abs().max().item<double>() / std::max(1e-2, expected.abs().max().item<double>());
}

/// That cotangents of rows are the derivatives of a scalar.
void expect_derivatives(const GramRows& bar, const Side& side, const at::Tensor& scalar, bool wants_input) {
  Tensors by = side.x;
  by.push_back(side.delta);
  const Tensors expected = derivatives(scalar, by);
  EXPECT_LT(error(bar.delta, expected.back()), kLimit);
  for (std::size_t i = 0; i < side.x.size(); ++i) {
    const at::Tensor found = bar.inputs.empty() ? at::Tensor() : bar.inputs[i];
    if (wants_input) {
      EXPECT_LT(error(found, expected[i]), kLimit);
    } else {
      EXPECT_FALSE(found.defined());
    }
  }
}

class GramTest : public testing::TestWithParam<GramCase> {
 protected:
  /// Calls check(problem, set) with and without masks and one or more probes.
  template <typename Check>
  void for_each_problem(Check&& check) const {
    for (const auto& [probes, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 3}, {2, 3}, {3, 1}}) {
      for (const double density : {0.0, 0.5, 1.0}) {
        Subject s = GetParam().subject(kInputs, probes);
        if (density < 1) {
          s.mask(density);
        }
        const Problem problem(std::move(s), count);
        for (const ParameterSet set : {ParameterSet::all, ParameterSet::active}) {
          SCOPED_TRACE(fmt::format("{} probes, {} inputs on the left, density {}, {}", probes, count, density,
                                   set == ParameterSet::all ? "all parameters" : "active parameters"));
          check(problem, set);
        }
      }
    }
  }
};

TEST_P(GramTest, JacobianAndItsAdjointAreAutograds) {
  for_each_problem([](const Problem& problem, ParameterSet set) {
    if (set == ParameterSet::active) {
      return;
    }
    const NodeParameters parameters = problem.s.node_parameters();
    const GramRows rows = problem.left_rows();
    for (std::size_t p = 0; p < parameters.values.size(); ++p) {
      if (!parameters.values[p]->trained()) {
        continue;
      }
      const at::Tensor expected = problem.left.jacobian(p);
      EXPECT_LT(error(problem.op().jacobian(p, rows, parameters), expected.detach()), kLimit);
      const at::Tensor cotangent = draw_values({}, expected.sizes().vec(), 80);
      const at::Tensor scalar = (cotangent * expected).sum();
      for (const bool wants_input : {true, false}) {
        GramRows bar;
        const std::vector<bool> wants(rows.inputs.size(), wants_input);
        problem.op().add_jacobian_adjoint(p, rows, parameters, cotangent, wants, bar);
        expect_derivatives(bar, problem.left, scalar, wants_input);
        const at::Tensor once = bar.delta.clone();
        problem.op().add_jacobian_adjoint(p, rows, parameters, cotangent, wants, bar);
        EXPECT_LT(error(bar.delta, 2 * once), kLimit) << "added to what is there";
      }
    }
  });
}

TEST_P(GramTest, IsTheProductOfAutogradsJacobians) {
  for_each_problem([](const Problem& problem, ParameterSet set) {
    const NodeParameters parameters = problem.s.node_parameters();
    const GramRows left = problem.left_rows();
    const GramRows right = problem.right_rows();
    const at::Tensor expected = problem.kernel(problem.left, problem.right, set).detach();
    const at::Tensor before = draw_values({}, expected.sizes().vec(), 81);
    at::Tensor cross = before.clone();
    problem.op().gram(left, right, parameters, set, cross, nullptr);
    EXPECT_LT(error(cross, before + expected), kLimit);
    const at::Tensor own_expected = problem.kernel(problem.left, problem.left, set).detach();
    at::Tensor own = at::zeros_like(own_expected);
    problem.op().gram(left, left, parameters, set, own, nullptr);
    EXPECT_LT(error(own, own_expected), kLimit);
  });
}

TEST_P(GramTest, AdjointIsAutogradsDerivative) {
  for_each_problem([](const Problem& problem, ParameterSet set) {
    const NodeParameters parameters = problem.s.node_parameters();
    for (const bool symmetric : {true, false}) {
      SCOPED_TRACE(symmetric ? "the same rows" : "two sides");
      const Side& other = symmetric ? problem.left : problem.right;
      const GramRows left = problem.left_rows();
      const GramRows right = symmetric ? left : problem.right_rows();
      const at::Tensor expected = problem.kernel(problem.left, other, set);
      at::Tensor cotangent = draw_values({}, expected.sizes().vec(), 82);
      cotangent = symmetric ? cotangent + cotangent.t() : cotangent;
      const at::Tensor scalar = (cotangent * expected).sum();
      GramCache cache;
      at::Tensor kernel = at::zeros_like(cotangent);
      problem.op().gram(left, right, parameters, set, kernel, &cache);
      for (const bool wants_input : {true, false}) {
        const std::vector<bool> wants(left.inputs.size(), wants_input);
        const GramCotangents bar = problem.op().gram_adjoint(left, right, parameters, set, cotangent, cache, wants);
        expect_derivatives(bar.left, problem.left, scalar, wants_input);
        if (symmetric) {
          EXPECT_FALSE(bar.right.delta.defined());
          EXPECT_TRUE(bar.right.inputs.empty() || !bar.right.inputs[0].defined());
        } else {
          expect_derivatives(bar.right, problem.right, scalar, wants_input);
        }
      }
    }
  });
}

TEST_P(GramTest, InFloat32ToItsRounding) {
  Subject s = GetParam().subject(kInputs, 2);
  s.mask(0.5);
  for (const ParameterSet set : {ParameterSet::all, ParameterSet::active}) {
    const auto kernel = [&](at::ScalarType dtype) {
      s.to(dtype);
      at::Tensor result = at::zeros({4, 6}, dtype);
      s.op->as_parametric()->gram(s.rows(0, 2), s.rows(2, 3), s.node_parameters(), set, result, nullptr);
      return result;
    };
    const at::Tensor expected = kernel(at::kDouble);
    EXPECT_LT(relative_error(kernel(at::kFloat), expected), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GramTest, testing::ValuesIn(gram_cases()), name_of);

}  // namespace
}  // namespace ntt
