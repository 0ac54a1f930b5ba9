#include "ntt/nn/layer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <string>
#include <vector>

#include "ntt/nn/network_builder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing_support::relative_error;

constexpr std::int64_t kInputs = 3;
constexpr std::int64_t kProbes = 2;
constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-7;  // central differences in double

at::Tensor draw(std::vector<std::int64_t> shape, std::uint64_t seed) {
  RandomStream stream(seed, "test-layer");
  return random_normal(stream, shape, 1.0, at::kDouble);
}

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  return (a * b).sum().item<double>();
}

/// The derivative of a scalar by every entry of `by`, which it must read anew each time.
at::Tensor central_difference(at::Tensor by, const std::function<double()>& scalar) {
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

/// One layer to sweep over, as a network file writes it.
struct LayerCase {
  std::string name;
  Shape input;
  std::vector<LayerSpec> layers;
};

LayerSpec plain(const char* type) {
  return {type, "", {}, {}, {}};
}
LayerSpec with(const char* type, std::map<std::string, std::int64_t> numbers) {
  return {type, "", std::move(numbers), {}, {}};
}
LayerSpec residual(std::vector<LayerSpec> body, std::vector<LayerSpec> shortcut) {
  return {"residual", "", {}, std::move(body), std::move(shortcut)};
}

const std::vector<LayerCase> kLayers{
    {"Linear", {5}, {with("linear", {{"out_features", 4}})}},
    {"LinearOfOne", {1}, {with("linear", {{"out_features", 1}})}},
    {"Convolution", {2, 5, 4}, {with("conv2d", {{"out_channels", 3}, {"kernel", 3}})}},
    {"ConvolutionStridedPadded",
     {2, 5, 4},
     {with("conv2d", {{"out_channels", 3}, {"kernel", 2}, {"stride", 2}, {"padding", 1}})}},
    {"ConvolutionPointwise", {3, 2, 4}, {with("conv2d", {{"out_channels", 2}, {"kernel", 1}})}},
    {"ConvolutionOfOnePosition", {2, 3, 3}, {with("conv2d", {{"out_channels", 4}, {"kernel", 3}})}},
    {"Relu", {7}, {plain("relu")}},
    {"ReluOnImages", {2, 3, 2}, {plain("relu")}},
    {"Tanh", {7}, {plain("tanh")}},
    {"Gelu", {2, 3, 2}, {plain("gelu")}},
    {"MaxPool", {2, 5, 6}, {with("max-pool", {{"kernel", 2}})}},
    {"MaxPoolOverlapping", {2, 5, 6}, {with("max-pool", {{"kernel", 3}, {"stride", 1}})}},
    {"AveragePool", {2, 5, 6}, {with("average-pool", {{"kernel", 2}})}},
    {"AveragePoolOverlapping", {2, 6, 7}, {with("average-pool", {{"kernel", 3}, {"stride", 2}})}},
    {"AveragePoolOneChannel", {1, 6, 7}, {with("average-pool", {{"kernel", 2}, {"stride", 3}})}},
    {"Flatten", {2, 3, 2}, {plain("flatten")}},
    {"FlattenFlat", {4}, {plain("flatten")}},
    {"Nothing", {4}, {}},
    {"Residual",
     {4},
     {residual({with("linear", {{"out_features", 3}}), plain("tanh"), with("linear", {{"out_features", 4}})}, {})}},
    {"ResidualWithShortcut",
     {2, 4, 3},
     {residual({with("conv2d", {{"out_channels", 3}, {"kernel", 2}}), plain("gelu")},
               {with("conv2d", {{"out_channels", 3}, {"kernel", 2}})})}},
    {"ResidualInside", {3}, {residual({residual({plain("tanh")}, {plain("gelu")})}, {plain("relu")})}},
    {"Sequence", {4}, {with("linear", {{"out_features", 3}}), plain("gelu"), with("linear", {{"out_features", 2}})}},
    {"ReluAndMaxPool", {2, 4, 5}, {plain("relu"), with("max-pool", {{"kernel", 2}})}},
};

/// A layer with drawn parameters, masks, inputs and cotangents.
struct Subject {
  explicit Subject(const LayerCase& made) : layer(build_layers({"test", made.input, made.layers})) {
    RandomStream stream(1, "test-layer");
    layer->initialise(stream, at::kDouble);
    layer->collect_parameters(parameters);
    for (Parameter* parameter : parameters) {
      parameter->value.copy_(draw(parameter->shape, 2));
      if (parameter->prunable) {
        parameter->set_mask(draw(parameter->shape, 3).gt(-0.5).to(at::kDouble));
      }
    }
    x = draw(with_batch({kInputs}, made.input), 4);
    const Shape output = layer->output_shape(made.input);
    delta = draw(with_batch({kInputs, kProbes}, output), 5);
    pulled_bar = draw(with_batch({kInputs, kProbes}, made.input), 6);
    output_bar = draw(with_batch({kInputs}, output), 7);
  }

  static std::vector<std::int64_t> with_batch(std::vector<std::int64_t> batch, const Shape& shape) {
    batch.insert(batch.end(), shape.begin(), shape.end());
    return batch;
  }

  /// <pulled_bar, pullback(delta)> + <output_bar, forward(x)>: what sweeps 3 and 4 differentiate.
  double scalar() const {
    Tape tape;
    const at::Tensor outputs = layer->forward(x, tape);
    return inner_product(output_bar, outputs) + inner_product(pulled_bar, layer->pullback(delta, tape));
  }

  /// Sweeps 1 and 2.
  Tape swept() const {
    Tape tape;
    layer->forward(x, tape);
    layer->pullback(delta, tape);
    return tape;
  }

  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> result;
    for (const Parameter* parameter : parameters) {
      result.push_back(parameter->gradient.clone());
    }
    return result;
  }

  void zero_gradients() const {
    for (Parameter* parameter : parameters) {
      parameter->gradient.zero_();
    }
  }

  std::unique_ptr<Sequence> layer;
  std::vector<Parameter*> parameters;
  at::Tensor x;
  at::Tensor delta;
  at::Tensor pulled_bar;
  at::Tensor output_bar;
};

template <typename Check>
void for_each_layer(Check&& check) {
  for (const LayerCase& made : kLayers) {
    SCOPED_TRACE(made.name);
    check(Subject(made));
  }
}

TEST(Layer, OutputsHaveTheShapeItSays) {
  for_each_layer([](const Subject& s) {
    Tape tape;
    EXPECT_EQ(s.layer->forward(s.x, tape).sizes(), s.output_bar.sizes());
    EXPECT_EQ(s.layer->pullback(s.delta, tape).sizes(), s.pulled_bar.sizes());
    EXPECT_EQ(s.layer->pullback_adjoint(s.pulled_bar, tape).sizes(), s.delta.sizes());
    EXPECT_EQ(s.layer->forward_adjoint(s.output_bar, tape).sizes(), s.x.sizes());
  });
}

TEST(Layer, PullbackIsTheTransposedJacobian) {
  for_each_layer([](const Subject& s) {
    Tape tape;
    s.layer->forward(s.x, tape);
    const at::Tensor pulled = s.layer->pullback(s.delta, tape);
    for (std::int64_t probe = 0; probe < kProbes; ++probe) {
      const at::Tensor expected = central_difference(s.x, [&] {
        Tape other;
        return inner_product(s.delta.select(1, probe), s.layer->forward(s.x, other));
      });
      EXPECT_LT(relative_error(pulled.select(1, probe), expected), kTolerance);
    }
  });
}

TEST(Layer, PullbackAdjointIsTheTransposeOfPullback) {
  for_each_layer([](const Subject& s) {
    Tape tape;
    s.layer->forward(s.x, tape);
    const double expected = inner_product(s.layer->pullback(s.delta, tape), s.pulled_bar);
    const double actual = inner_product(s.delta, s.layer->pullback_adjoint(s.pulled_bar, tape));
    EXPECT_NEAR(actual, expected, 1e-12 * (1 + std::abs(expected)));
  });
}

TEST(Layer, AdjointSweepsGiveEveryDerivative) {
  for_each_layer([](const Subject& s) {
    Tape tape = s.swept();
    s.zero_gradients();
    const at::Tensor delta_bar = s.layer->pullback_adjoint(s.pulled_bar, tape);
    const at::Tensor x_bar = s.layer->forward_adjoint(s.output_bar, tape);
    const auto scalar = [&] { return s.scalar(); };
    EXPECT_LT(relative_error(delta_bar, central_difference(s.delta, scalar)), kTolerance);
    EXPECT_LT(relative_error(x_bar, central_difference(s.x, scalar)), kTolerance);
    for (const Parameter* parameter : s.parameters) {
      EXPECT_LT(relative_error(parameter->gradient, central_difference(parameter->effective, scalar)), kTolerance)
          << parameter->name;
    }
  });
}

TEST(Layer, GradientsAddUp) {
  for_each_layer([](const Subject& s) {
    const auto sweep = [&] {
      Tape tape = s.swept();
      s.layer->pullback_adjoint(s.pulled_bar, tape);
      s.layer->forward_adjoint(s.output_bar, tape);
    };
    s.zero_gradients();
    sweep();
    const std::vector<at::Tensor> once = s.gradients();
    sweep();
    for (std::size_t i = 0; i < once.size(); ++i) {
      EXPECT_LT(relative_error(s.parameters[i]->gradient, 2 * once[i]), 1e-13);
    }
  });
}

/// Every derivative that sweeps 3 and 4 give for these cotangents.
std::vector<at::Tensor> derivatives(const Subject& s, const at::Tensor& pulled_bar, const at::Tensor& output_bar) {
  Tape tape = s.swept();
  s.zero_gradients();
  const at::Tensor delta_bar = s.layer->pullback_adjoint(pulled_bar, tape);
  const at::Tensor x_bar = s.layer->forward_adjoint(output_bar, tape);
  std::vector<at::Tensor> result = s.gradients();
  result.push_back(delta_bar.defined() ? delta_bar.clone() : at::zeros_like(s.delta));
  result.push_back(x_bar.defined() ? x_bar.clone() : at::zeros_like(s.x));
  return result;
}

TEST(Layer, UndefinedCotangentsStandForZeros) {
  for_each_layer([](const Subject& s) {
    const auto nothing = derivatives(s, {}, {});
    const auto pulled_alone = derivatives(s, s.pulled_bar, {});
    const auto output_alone = derivatives(s, {}, s.output_bar);
    const auto both = derivatives(s, s.pulled_bar, s.output_bar);
    for (std::size_t i = 0; i < both.size(); ++i) {
      EXPECT_TRUE((nothing[i] == 0).all().item<bool>()) << i;
      EXPECT_LT(relative_error(pulled_alone[i] + output_alone[i], both[i]), 1e-12) << i;  // the sweeps are linear
    }
  });
}

TEST(Layer, WhatNobodyNeedsChangesNoGradient) {
  for_each_layer([](const Subject& s) {
    const auto gradients = [&](bool needs_input, bool needs_output) {
      Tape tape;
      s.layer->limit_cotangents(tape, needs_input, needs_output);
      s.layer->forward(s.x, tape);
      s.layer->pullback(s.delta, tape);
      s.zero_gradients();
      // Where no input's cotangent is needed, nothing was pulled back whose cotangent could arrive.
      s.layer->pullback_adjoint(needs_input ? s.pulled_bar : at::Tensor(), tape);
      s.layer->forward_adjoint(s.output_bar, tape);
      return s.gradients();
    };
    for (const bool needs_input : {false, true}) {
      const auto expected = gradients(needs_input, true);
      const auto actual = gradients(needs_input, false);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(at::equal(actual[i], expected[i]));
      }
    }
  });
}

TEST(ParametricLayer, AddsWhatItsGramLeftOnTheTape) {
  for (const LayerCase& made : kLayers) {
    if (made.layers.size() != 1 || (made.layers[0].type != "linear" && made.layers[0].type != "conv2d")) {
      continue;
    }
    SCOPED_TRACE(made.name);
    const Subject s(made);
    const at::Tensor delta_share = draw(s.delta.sizes().vec(), 8);
    const at::Tensor input_share = draw(s.x.sizes().vec(), 9);
    const auto sweep = [&](bool share, const at::Tensor& pulled_bar, const at::Tensor& output_bar) {
      Tape tape = s.swept();
      if (share) {
        tape.children[0].delta_bar = delta_share.clone();
        tape.children[0].input_bar = input_share.clone();
      }
      return std::pair{s.layer->pullback_adjoint(pulled_bar, tape), s.layer->forward_adjoint(output_bar, tape)};
    };
    const auto [delta_bar, x_bar] = sweep(true, s.pulled_bar, s.output_bar);
    const auto [delta_bar_alone, x_bar_alone] = sweep(false, s.pulled_bar, s.output_bar);
    EXPECT_LT(relative_error(delta_bar, delta_bar_alone + delta_share), 1e-13);
    EXPECT_LT(relative_error(x_bar, x_bar_alone + input_share), 1e-13);
    const auto [delta_share_alone, input_share_alone] = sweep(true, {}, {});
    EXPECT_TRUE(at::equal(delta_share_alone, delta_share));
    EXPECT_TRUE(at::equal(input_share_alone, input_share));
  }
}

TEST(Activations, AreWhatTheirNamesSay) {
  const at::Tensor z = at::cat({at::linspace(-6, 6, 25, at::kDouble), at::tensor({-50.0, 50.0}, at::kDouble)});
  const auto apply = [&](const char* type) {
    Tape tape;
    return build_layers({"test", {27}, {plain(type)}})->forward(z.unsqueeze(0), tape).squeeze(0);
  };
  EXPECT_TRUE(at::equal(apply("relu"), at::relu(z)));
  EXPECT_LT(relative_error(apply("tanh"), at::tanh(z)), 1e-15);
  EXPECT_LT(relative_error(apply("gelu"), at::gelu(z)), 1e-15);
}

TEST(Relu, HasSlopeZeroAtZero) {
  Tape tape;
  const auto layer = build_layers({"test", {3}, {plain("relu")}});
  layer->forward(at::tensor({-1.0, 0.0, 2.0}, at::kDouble).unsqueeze(0), tape);
  EXPECT_TRUE(at::equal(layer->pullback(at::ones({1, 1, 3}, at::kDouble), tape),
                        at::tensor({0.0, 0.0, 1.0}, at::kDouble).view({1, 1, 3})));
}

TEST(MaxPool, BehindReluHasTheDerivativesOfThatOrder) {
  // The builder swaps the two; ties, zeros and windows without a positive entry must not tell.
  const auto layers =
      build_layers({"test", {2, 9, 8}, {plain("relu"), with("max-pool", {{"kernel", 3}, {"stride", 2}})}});
  at::Tensor x = draw({4, 2, 9, 8}, 1).round_().set_requires_grad(true);
  const at::Tensor expected = at::max_pool2d(at::relu(x), {3, 3}, {2, 2});
  Tape tape;
  EXPECT_TRUE(at::equal(layers->forward(x.detach(), tape), expected.detach()));
  const at::Tensor delta = draw({4, 2, 4, 3}, 2);
  const at::Tensor by_x = torch::autograd::grad({expected}, {x}, {delta})[0];
  EXPECT_LT(relative_error(layers->pullback(delta.unsqueeze(1), tape).squeeze(1), by_x), 1e-14);
}

TEST(Sequence, AsksForNoCotangentsThatNobodyNeeds) {
  const LayerSpec linear = with("linear", {{"out_features", 4}});
  const auto layers = build_layers({"test", {4}, {plain("relu"), residual({linear}, {}), plain("tanh"), linear}});
  Tape tape;
  layers->limit_cotangents(tape, false, false);
  ASSERT_EQ(tape.children.size(), 4);
  const bool behind_parameters[] = {false, false, true, true};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(tape.children[i].needs_input_cotangent, behind_parameters[i]) << i;
    EXPECT_EQ(tape.children[i].needs_output_cotangent, i < 3) << i;
  }
  const Tape& body = tape.children[1].children[0];
  EXPECT_FALSE(body.children[0].needs_input_cotangent);
  EXPECT_TRUE(body.children[0].needs_output_cotangent);
}

TEST(Shapes, AreWrittenWithTimes) {
  EXPECT_EQ(to_string({3, 32, 32}), "3x32x32");
  EXPECT_EQ(to_string({784}), "784");
  EXPECT_EQ(to_string({}), "");
}

}  // namespace
}  // namespace ntt
