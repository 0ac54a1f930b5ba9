#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ntt/nn/layers/conv2d.h"
#include "ntt/nn/layers/linear.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing_support::relative_error;

constexpr std::int64_t kProbes = 2;

at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType dtype = at::kDouble) {
  RandomStream stream(seed, "test-gram");
  return random_normal(stream, shape, 1.0, dtype);
}

using Make = std::function<std::unique_ptr<ParametricLayer>()>;

struct GramCase {
  std::string name;
  Shape input;
  Make make;
};

/// A parametric layer, masked, with the shapes of its rows.
struct Subject {
  std::unique_ptr<ParametricLayer> layer;
  std::vector<Parameter*> parameters;
  Shape input;

  Subject(const GramCase& made, at::ScalarType dtype) : layer(made.make()), input(made.input) {
    RandomStream stream(1, "test-gram");
    layer->initialise(stream, dtype);
    layer->collect_parameters(parameters);
    const at::Tensor& weight = parameters[0]->value;
    parameters[0]->set_mask(draw(weight.sizes(), 2).gt(0.2).to(dtype));
  }

  GramRows rows(std::int64_t count, std::uint64_t seed, at::ScalarType dtype) const {
    Shape input_shape = input;
    input_shape.insert(input_shape.begin(), count);
    Shape delta_shape = layer->output_shape(input);
    delta_shape.insert(delta_shape.begin(), {count, kProbes});
    return {draw(input_shape, seed, dtype), draw(delta_shape, seed + 100, dtype)};
  }

  /// The Jacobian by the counted parameters, [n*k, parameters], one backward pass of autograd at a time.
  at::Tensor jacobian(const GramRows& rows, ParameterSet set) const;
};

/// ∂(δ_ia · forward(x_i))/∂θ with the layer's own sweep 4, which layer_test checks against differences.
at::Tensor Subject::jacobian(const GramRows& rows, ParameterSet set) const {
  std::vector<at::Tensor> result;
  for (std::int64_t row = 0; row < rows.input.size(0) * kProbes; ++row) {
    Tape tape;
    layer->forward(rows.input.narrow(0, row / kProbes, 1), tape);
    for (Parameter* parameter : parameters) {
      parameter->gradient.zero_();
    }
    layer->forward_adjoint(merge_probes(rows.delta).narrow(0, row, 1), tape);
    at::Tensor by_weight = parameters[0]->gradient.clone();
    if (set == ParameterSet::active && parameters[0]->mask.defined()) {
      by_weight.mul_(parameters[0]->mask);
    }
    result.push_back(at::cat({by_weight.flatten(), parameters[1]->gradient}));
  }
  return at::stack(result);
}

Make convolution(std::int64_t out, ConvGeometry geometry, Conv2d::GramMethod method) {
  return [=] { return std::make_unique<Conv2d>("c", out, geometry, method); };
}

std::vector<GramCase> make_cases() {
  using Method = Conv2d::GramMethod;
  std::vector<GramCase> cases{{"Linear", {5}, [] { return std::make_unique<Linear>("l", 5, 4); }},
                              {"LinearOfOne", {1}, [] { return std::make_unique<Linear>("l", 1, 1); }}};
  const std::vector<std::pair<std::string, ConvGeometry>> geometries{
      {"Convolution", {2, 5, 4, 3, 3, 1, 0}},
      {"Strided", {2, 5, 4, 2, 2, 2, 1}},
      {"Pointwise", {3, 2, 3, 1, 1, 1, 0}},
      {"OnePosition", {2, 3, 3, 3, 3, 1, 0}},
  };
  for (const auto& [name, g] : geometries) {
    const Shape input{g.channels, g.height, g.width};
    cases.push_back({name + "ByJacobian", input, convolution(3, g, Method::jacobian)});
    cases.push_back({name + "ByPositionPairs", input, convolution(3, g, Method::position_pairs)});
    cases.push_back({name + "Automatic", input, convolution(3, g, Method::automatic)});
  }
  return cases;
}

/// Calls check(case, parameter set) on every case.
template <typename Check>
void for_each_gram(Check&& check) {
  for (const GramCase& made : make_cases()) {
    for (const ParameterSet set : {ParameterSet::all, ParameterSet::active}) {
      SCOPED_TRACE(made.name + (set == ParameterSet::all ? ", all parameters" : ", active parameters"));
      check(made, set);
    }
  }
}

TEST(Gram, IsTheProductOfJacobians) {
  for_each_gram([](const GramCase& made, ParameterSet set) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      for (const bool masked : {true, false}) {
        Subject layer(made, dtype);
        if (!masked) {
          layer.parameters[0]->set_mask({});
        }
        const GramRows left = layer.rows(3, 3, dtype);
        const GramRows right = layer.rows(2, 4, dtype);
        const at::Tensor left_jacobian = layer.jacobian(left, set);
        const at::Tensor right_jacobian = layer.jacobian(right, set);
        const double limit = dtype == at::kFloat ? 1e-5 : 1e-13;
        const at::Tensor before = draw({6, 4}, 5, dtype);
        at::Tensor cross = before.clone();
        layer.layer->gram(left, right, set, cross, nullptr);
        EXPECT_LT(relative_error(cross, before + at::mm(left_jacobian, right_jacobian.t())), limit);
        at::Tensor own = at::zeros({6, 6}, before.options());
        layer.layer->gram(left, left, set, own, nullptr);
        EXPECT_LT(relative_error(own, at::mm(left_jacobian, left_jacobian.t())), limit);
      }
    }
  });
}

/// The derivative of <cotangent, gram(left, right)> by every entry of `by`: exact, as the Gram is quadratic in each.
at::Tensor difference(at::Tensor by, const std::function<double()>& scalar) {
  at::Tensor result = at::empty_like(by);
  auto* values = by.data_ptr<double>();
  for (std::int64_t i = 0; i < by.numel(); ++i) {
    const double value = values[i];
    values[i] = value + 1e-3;
    const double above = scalar();
    values[i] = value - 1e-3;
    const double below = scalar();
    values[i] = value;
    result.data_ptr<double>()[i] = (above - below) / 2e-3;
  }
  return result;
}

TEST(Gram, AdjointIsItsTransposedDerivative) {
  for_each_gram([](const GramCase& made, ParameterSet set) {
    const Subject layer(made, at::kDouble);
    for (const bool symmetric : {true, false}) {
      SCOPED_TRACE(symmetric ? "the same rows" : "two sides");
      const GramRows left = layer.rows(3, 3, at::kDouble);
      const GramRows right = symmetric ? left : layer.rows(2, 4, at::kDouble);
      at::Tensor cotangent = draw({left.input.size(0) * kProbes, right.input.size(0) * kProbes}, 5);
      cotangent = symmetric ? cotangent + cotangent.t() : cotangent;
      const auto scalar = [&] {
        at::Tensor kernel = at::zeros_like(cotangent);
        layer.layer->gram(left, right, set, kernel, nullptr);
        return (kernel * cotangent).sum().item<double>();
      };
      GramCache cache;
      at::Tensor kernel = at::zeros_like(cotangent);
      layer.layer->gram(left, right, set, kernel, &cache);
      const GramCotangents bar = layer.layer->gram_adjoint(left, right, set, cotangent, cache, true);
      constexpr double kLimit = 1e-9;
      EXPECT_LT(relative_error(bar.left.delta, difference(left.delta, scalar)), kLimit);
      EXPECT_LT(relative_error(bar.left.input, difference(left.input, scalar)), kLimit);
      if (symmetric) {
        EXPECT_FALSE(bar.right.delta.defined());
        EXPECT_FALSE(bar.right.input.defined());
      } else {
        EXPECT_LT(relative_error(bar.right.delta, difference(right.delta, scalar)), kLimit);
        EXPECT_LT(relative_error(bar.right.input, difference(right.input, scalar)), kLimit);
      }
      const GramCotangents deltas_alone = layer.layer->gram_adjoint(left, right, set, cotangent, cache, false);
      EXPECT_TRUE(at::equal(deltas_alone.left.delta, bar.left.delta));
      EXPECT_FALSE(deltas_alone.left.input.defined());
      EXPECT_FALSE(deltas_alone.right.input.defined());
    }
  });
}

}  // namespace
}  // namespace ntt
