// Every type of node, in every case of the oracle's table, against autograd in float64 and against differences.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "ntt/ops/registry.h"
#include "tests/ops/subject.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using Flags = std::vector<bool>;

constexpr double kLimit = 1e-11;
const std::vector<std::pair<std::int64_t, std::int64_t>> kSizes{{3, 2}, {1, 1}, {1, 3}, {2, 1}};  // inputs, probes

/// What sweeps 3 and 4 differentiate is ⟨pulled_bars, pullback(delta)⟩ + ⟨output_bar, forward(x)⟩. Undefined tensors
/// stand for zeros.
struct Cotangents {
  Tensors pulled_bars;
  at::Tensor output_bar;
};

/// What sweeps give, or autograd.
struct Sweeps {
  at::Tensor output;
  Tensors pulled;
  at::Tensor delta_bar;
  Tensors x_bars;
  Tensors gradients;
};

/// What Gram may have left on the tape.
struct Shares {
  at::Tensor delta_bar;
  Tensors input_bars;
};

Sweeps sweep(const Subject& s, const Flags& wants, const Cotangents& cotangents, const Shares& shares = {},
             bool wants_delta_bar = true, Statistics statistics = Statistics::running) {
  NodeTape tape = s.tape(wants);
  tape.wants_delta_bar = wants_delta_bar;
  tape.statistics = statistics;
  Sweeps result;
  result.gradients = s.zero_gradients();
  result.output = s.op->forward(s.x, s.node_parameters(), tape);
  result.pulled = s.op->pullback(s.delta, s.node_parameters(), tape);
  if (shares.delta_bar.defined()) {
    tape.delta_bar = shares.delta_bar.clone();
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      tape.input_bars[i] = wants[i] ? shares.input_bars[i].clone() : at::Tensor();
    }
  }
  result.delta_bar = s.op->pullback_adjoint(cotangents.pulled_bars, s.node_parameters(), tape, result.gradients);
  result.x_bars = s.op->forward_adjoint(cotangents.output_bar, s.node_parameters(), tape, result.gradients);
  return result;
}

/// ⟨pulled_bars, pullback(delta)⟩ + ⟨output_bar, y⟩, differentiable.
at::Tensor pairing(const at::Tensor& y, const Tensors& x, const at::Tensor& delta, const Cotangents& cotangents) {
  at::Tensor sum = at::zeros({}, y.options());
  for (std::int64_t a = 0; a < delta.size(1); ++a) {
    const Tensors pulled = derivatives((delta.select(1, a) * y).sum(), x, true);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (cotangents.pulled_bars[i].defined()) {
        sum = sum + (cotangents.pulled_bars[i].select(1, a) * pulled[i]).sum();
      }
    }
  }
  return cotangents.output_bar.defined() ? sum + (cotangents.output_bar * y).sum() : sum;
}

Sweeps autograd(const Subject& s, const Cotangents& cotangents, Statistics statistics = Statistics::running) {
  Tensors x;
  for (const at::Tensor& input : s.x) {
    x.push_back(input.detach().clone().set_requires_grad(true));
  }
  const Tensors parameters = s.parameter_leaves();
  const at::Tensor delta = s.delta.detach().clone().set_requires_grad(true);
  const at::Tensor y = s.reference(x, parameters, statistics);
  Sweeps result;
  result.output = y.detach();
  std::vector<Tensors> pulled(x.size());
  for (std::int64_t a = 0; a < delta.size(1); ++a) {
    const Tensors one = derivatives((s.delta.select(1, a) * y).sum(), x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      pulled[i].push_back(one[i]);
    }
  }
  for (const Tensors& of_input : pulled) {
    result.pulled.push_back(at::stack(of_input, 1));
  }
  Tensors by = x;
  by.push_back(delta);
  by.insert(by.end(), parameters.begin(), parameters.end());
  const Tensors found = derivatives(pairing(y, x, delta, cotangents), by);
  const auto end_of_x = found.begin() + static_cast<std::ptrdiff_t>(x.size());
  result.x_bars.assign(found.begin(), end_of_x);
  result.delta_bar = *end_of_x;
  result.gradients.assign(end_of_x + 1, found.end());
  return result;
}

/// max |a - b|, relative to b where that is not small; an undefined tensor stands for zeros.
double error(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.defined() && (actual.sizes() != expected.sizes() || !at::isfinite(actual).all().item<bool>())) {
    return std::numeric_limits<double>::infinity();
  }
  const at::Tensor wide = expected.to(at::kDouble);
  const at::Tensor difference = actual.defined() ? actual.to(at::kDouble) - wide : wide;
  return expected.numel() == 0
             ? 0
             : difference.abs().max().item<double>() / std::max(1e-2, wide.abs().max().item<double>());
}

void expect_same(const Sweeps& actual, const Sweeps& expected, const Flags& wants, double limit = kLimit) {
  EXPECT_LT(error(actual.output, expected.output), limit);
  EXPECT_LT(error(actual.delta_bar, expected.delta_bar), limit) << "derivative by delta";
  for (std::size_t i = 0; i < wants.size(); ++i) {
    if (wants[i]) {
      EXPECT_LT(error(actual.pulled[i], expected.pulled[i]), limit) << "pullback to input " << i;
      EXPECT_LT(error(actual.x_bars[i], expected.x_bars[i]), limit) << "derivative by input " << i;
    }
  }
  for (std::size_t p = 0; p < expected.gradients.size(); ++p) {
    EXPECT_LT(error(actual.gradients[p], expected.gradients[p]), limit) << "derivative by parameter " << p;
  }
}

class OperatorTest : public testing::TestWithParam<std::string> {
 protected:
  template <typename Check>
  void for_each_size(Check&& check) const {
    for (const auto& [inputs, probes] : kSizes) {
      SCOPED_TRACE(fmt::format("{} inputs, {} probes", inputs, probes));
      Subject s = subject(GetParam(), inputs, probes);
      s.mask(0.6);
      check(s);
    }
  }
  static Flags all(const Subject& s) { return Flags(s.x.size(), true); }
};

TEST_P(OperatorTest, SweepsAreAutogradsDerivativesAndSecondDerivatives) {
  for_each_size([](const Subject& s) {
    const Cotangents cotangents{s.pulled_bars, s.output_bar};
    expect_same(sweep(s, all(s), cotangents), autograd(s, cotangents), all(s));
  });
}

TEST_P(OperatorTest, UndefinedCotangentsStandForZeros) {
  for_each_size([](const Subject& s) {
    const Tensors none(s.x.size());
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      Cotangents one{none, {}};
      one.pulled_bars[i] = s.pulled_bars[i];
      expect_same(sweep(s, all(s), one), autograd(s, one), all(s));
    }
    for (const Cotangents& some : {Cotangents{none, {}}, {none, s.output_bar}, {s.pulled_bars, {}}}) {
      expect_same(sweep(s, all(s), some), autograd(s, some), all(s));
    }
  });
}

TEST_P(OperatorTest, InputsThatNobodyWantsChangeNothingElse) {
  for_each_size([](const Subject& s) {
    for (std::size_t set = 0; set + 1 < (1U << s.x.size()); ++set) {
      Flags wants;
      Cotangents cotangents{s.pulled_bars, s.output_bar};
      for (std::size_t i = 0; i < s.x.size(); ++i) {
        wants.push_back((set >> i & 1U) != 0);
        if (!wants[i]) {
          cotangents.pulled_bars[i] = at::Tensor();  // nothing was pulled back whose cotangent could arrive
        }
      }
      const Sweeps found = sweep(s, wants, cotangents);
      expect_same(found, autograd(s, cotangents), wants);
    }
  });
}

TEST_P(OperatorTest, ADeltaThatDoesNotMoveChangesNothingElse) {
  for_each_size([](const Subject& s) {
    const Cotangents cotangents{s.pulled_bars, s.output_bar};
    Sweeps found = sweep(s, all(s), cotangents, {}, false);
    const Sweeps expected = autograd(s, cotangents);
    found.delta_bar = expected.delta_bar;
    expect_same(found, expected, all(s));
  });
}

TEST_P(OperatorTest, AddsWhatGramLeftOnTheTape) {
  for_each_size([](const Subject& s) {
    if (s.op->as_parametric() == nullptr) {
      return;
    }
    Shares shares{draw_values({}, s.delta.sizes().vec(), 90), {}};
    for (const at::Tensor& input : s.x) {
      shares.input_bars.push_back(draw_values({}, input.sizes().vec(), 91));
    }
    const Tensors none(s.x.size());
    for (const Cotangents& given : {Cotangents{s.pulled_bars, s.output_bar}, {none, {}}}) {
      Sweeps expected = autograd(s, given);
      expected.delta_bar = expected.delta_bar + shares.delta_bar;
      for (std::size_t i = 0; i < s.x.size(); ++i) {
        expected.x_bars[i] = expected.x_bars[i] + shares.input_bars[i];
      }
      expect_same(sweep(s, all(s), given, shares), expected, all(s));
    }
  });
}

TEST_P(OperatorTest, SweepsLeaveAloneWhatTheyAreGivenAndMakeContiguousTensors) {
  for_each_size([](const Subject& s) {
    Tensors before;
    for (const at::Tensor& tensor : s.given()) {
      before.push_back(tensor.clone());
    }
    const Sweeps found = sweep(s, all(s), {s.pulled_bars, s.output_bar});
    const Tensors after = s.given();
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_TRUE(at::equal(after[i], before[i])) << i;
    }
    EXPECT_EQ(found.output.sizes(), s.output_bar.sizes());
    EXPECT_TRUE(found.output.is_contiguous());
    EXPECT_TRUE(!found.delta_bar.defined() || found.delta_bar.is_contiguous());
    for (const Tensors* results : {&found.pulled, &found.x_bars}) {
      for (const at::Tensor& result : *results) {
        EXPECT_TRUE(!result.defined() || result.is_contiguous());
      }
    }
  });
}

TEST_P(OperatorTest, GradientsAddUp) {
  const Subject s = subject(GetParam());
  Sweeps once = sweep(s, all(s), {s.pulled_bars, s.output_bar});
  NodeTape tape = s.tape();
  Tensors twice;
  for (const at::Tensor& gradient : once.gradients) {
    twice.push_back(gradient.defined() ? gradient.clone() : gradient);
  }
  s.op->forward(s.x, s.node_parameters(), tape);
  s.op->pullback(s.delta, s.node_parameters(), tape);
  s.op->pullback_adjoint(s.pulled_bars, s.node_parameters(), tape, twice);
  s.op->forward_adjoint(s.output_bar, s.node_parameters(), tape, twice);
  for (std::size_t p = 0; p < twice.size(); ++p) {
    if (twice[p].defined()) {
      EXPECT_LT(error(twice[p], 2 * once.gradients[p]), 1e-13);
    }
  }
}

TEST_P(OperatorTest, InFloat32ToItsRounding) {
  for_each_size([](Subject& s) {
    const Cotangents cotangents{s.pulled_bars, s.output_bar};
    const Sweeps expected = autograd(s, cotangents);
    s.to(at::kFloat);
    const Sweeps found = sweep(s, all(s), {s.pulled_bars, s.output_bar});
    EXPECT_EQ(found.output.scalar_type(), at::kFloat);
    expect_same(found, expected, all(s), 1e-4);
  });
}

/// The derivative of a scalar by every entry of `by`, which it must read anew each time.
at::Tensor central_difference(at::Tensor by, const std::function<double()>& scalar) {
  constexpr double kStep = 1e-5;
  at::Tensor result = at::empty_like(by);
  auto* values = by.data_ptr<double>();
  for (std::int64_t i = 0; i < by.numel(); ++i) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = scalar();
    values[i] = value - kStep;
    const double below = scalar();
    values[i] = value;
    result.data_ptr<double>()[i] = (above - below) / (2 * kStep);
  }
  return result;
}

TEST_P(OperatorTest, SweepsAreTheSlopesOfWhatTheOperatorItselfComputes) {
  Subject s = subject(GetParam(), 2, 2);
  s.mask(0.6);
  const Sweeps found = sweep(s, all(s), {s.pulled_bars, s.output_bar});
  const auto scalar = [&] {
    NodeTape tape = s.tape();
    const at::Tensor output = s.op->forward(s.x, s.node_parameters(), tape);
    const Tensors pulled = s.op->pullback(s.delta, s.node_parameters(), tape);
    double sum = (s.output_bar * output).sum().item<double>();
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      sum += (s.pulled_bars[i] * pulled[i]).sum().item<double>();
    }
    return sum;
  };
  Sweeps expected = found;
  expected.delta_bar = central_difference(s.delta, scalar);
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    expected.x_bars[i] = central_difference(s.x[i], scalar);
  }
  for (std::size_t p = 0; p < s.parameters.size(); ++p) {
    if (s.parameters[p]->trained()) {
      expected.gradients[p] = central_difference(s.parameters[p]->effective, scalar);
    } else {
      expected.gradients[p] = at::zeros_like(s.parameters[p]->value);
    }
  }
  expect_same(found, expected, all(s), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, OperatorTest, testing::ValuesIn(operator_case_names()),
                         [](const auto& test) { return test.param; });

TEST(BatchNorm, WithTheBatchsStatisticsIsAutograds) {
  for (const std::string& name : operator_case_names()) {
    if (!name.starts_with("batch_norm")) {
      continue;
    }
    SCOPED_TRACE(name);
    const Subject s = subject(name, 5);
    // Sweep 4 alone: in supervised training nothing is pulled back.
    const Cotangents trained{{at::Tensor()}, s.output_bar};
    Sweeps found = sweep(s, {true}, trained, {}, true, Statistics::batch);
    const Sweeps expected = autograd(s, trained, Statistics::batch);
    found.pulled = expected.pulled;
    expect_same(found, expected, {true});
    const Cotangents both{s.pulled_bars, s.output_bar};
    expect_same(sweep(s, {true}, both, {}, true, Statistics::batch_constant),
                autograd(s, both, Statistics::batch_constant), {true});
  }
}

TEST(Relu, HasSlopeZeroAtZero) {
  const Attributes none;
  const std::vector<Shape> inputs{{3}};
  const auto relu = make_operator("relu", {none, inputs});
  NodeTape tape;
  tape.wants_input = {true};
  relu->forward({at::tensor({-1.0, 0.0, 2.0}, at::kDouble).unsqueeze(0)}, {}, tape);
  EXPECT_TRUE(at::equal(relu->pullback(at::ones({1, 1, 3}, at::kDouble), {}, tape)[0],
                        at::tensor({0.0, 0.0, 1.0}, at::kDouble).view({1, 1, 3})));
}

}  // namespace
}  // namespace ntt
