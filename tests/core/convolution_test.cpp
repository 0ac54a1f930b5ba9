#include "ntt/core/convolution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/core/convolution_cases.h"
#include "tests/core/numerics.h"

namespace ntt {
namespace {

constexpr std::int64_t kOut = 4;

/// A convolution's operands, and in double what its products must be.
struct Problem {
  ConvGeometry g;
  at::Tensor images, weight, bias;
  at::Tensor delta;      ///< [n, out, oh, ow]
  at::Tensor probed;     ///< [n, probes, out, oh, ow]
  at::Tensor cotangent;  ///< [n, probes, out, patch]

  Problem(const ConvGeometry& geometry, std::int64_t n, std::int64_t probes, at::ScalarType dtype)
      : g(geometry),
        images(draw({n, g.channels, g.height, g.width}, 1, dtype)),
        weight(draw({kOut, g.channels, g.kernel_height, g.kernel_width}, 2, dtype)),
        bias(draw({kOut}, 3, dtype)),
        delta(draw({n, kOut, g.out_height(), g.out_width()}, 4, dtype)),
        probed(draw({n, probes, kOut, g.out_height(), g.out_width()}, 5, dtype)),
        cotangent(draw({n, probes, kOut, g.patch()}, 6, dtype)) {}

  at::Tensor patches() const { return plain_patches(g, images); }
  at::Tensor flat_weight() const { return weight.to(at::kDouble).view({kOut, g.patch()}); }
  at::Tensor outputs() const { return at::matmul(flat_weight(), patches()).view(delta.sizes()); }
  at::Tensor backward() const { return plain_fold(g, at::matmul(flat_weight().t(), delta.to(at::kDouble).flatten(2))); }
  at::Tensor weight_gradient() const {
    return at::einsum("nop,nqp->oq", {delta.to(at::kDouble).flatten(2), patches()}).view(weight.sizes());
  }
  at::Tensor jacobian() const { return at::einsum("naop,nqp->naoq", {probed.to(at::kDouble).flatten(3), patches()}); }
  at::Tensor delta_bar() const {
    return at::einsum("naoq,nqp->naop", {cotangent.to(at::kDouble), patches()}).view(probed.sizes());
  }
  at::Tensor images_bar() const {
    return plain_fold(g, at::einsum("naoq,naop->nqp", {cotangent.to(at::kDouble), probed.to(at::kDouble).flatten(3)}));
  }
};

class ConvolutionTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::ScalarType dtype() const { return GetParam(); }

  /// Calls check on every geometry, on batches of none, one and several inputs, on one thread and on two.
  template <typename Check>
  void for_each_problem(Check&& check) const {
    for (const int count : {1, 2}) {
      const ThreadsGuard guard(count);
      for (const ConvGeometry& g : kConvGeometries) {
        for (const std::int64_t n : {0, 1, 3}) {
          SCOPED_TRACE(fmt::format("{}: {} inputs on {} threads", describe(g), n, count));
          check(Problem(g, n, 2, dtype()));
        }
      }
    }
  }

  void expect_close(const at::Tensor& actual, const at::Tensor& expected) const {
    EXPECT_EQ(actual.scalar_type(), dtype());
    EXPECT_LT(error_of(actual, expected), tolerance(dtype()));
  }
};

TEST_P(ConvolutionTest, Patches) {
  for_each_problem([&](const Problem& p) {
    expect_close(conv_patches(p.g, p.images), p.patches());
    const at::Tensor patches = draw({p.images.size(0), p.g.patch(), p.g.positions()}, 7, dtype());
    expect_close(conv_fold(p.g, patches), plain_fold(p.g, patches));
  });
}

TEST_P(ConvolutionTest, Forward) {
  for_each_problem([&](const Problem& p) {
    const at::Tensor bias = p.bias.to(at::kDouble).view({1, kOut, 1, 1});
    expect_close(conv_forward(p.g, p.images, p.weight, {}), p.outputs());
    expect_close(conv_forward(p.g, p.images, p.weight, p.bias), p.outputs() + bias);
    const at::Tensor sum = p.delta.clone();
    const at::Tensor result = conv_forward(p.g, p.images, p.weight, {}, sum);
    expect_close(result, p.outputs() + p.delta.to(at::kDouble));
    EXPECT_TRUE(result.is_same(sum));
  });
}

TEST_P(ConvolutionTest, BackwardToImages) {
  for_each_problem([&](const Problem& p) {
    expect_close(conv_backward_images(p.g, p.delta, p.weight), p.backward());
    const at::Tensor sum = p.images.clone();
    const at::Tensor result = conv_backward_images(p.g, p.delta, p.weight, sum);
    expect_close(result, p.backward() + p.images.to(at::kDouble));
    EXPECT_TRUE(result.is_same(sum));
  });
}

TEST_P(ConvolutionTest, WeightGradientIsAdded) {
  for_each_problem([&](const Problem& p) {
    at::Tensor gradient = p.weight.clone();
    conv_add_weight_gradient(p.g, p.images, p.delta, gradient);
    expect_close(gradient, p.weight.to(at::kDouble) + p.weight_gradient());
    at::Tensor again = p.weight.clone();
    conv_add_weight_gradient(p.g, p.images, p.delta, again);
    EXPECT_TRUE(at::equal(gradient, again)) << "the threads' sums are added in one order";
  });
}

TEST_P(ConvolutionTest, Jacobian) {
  for_each_problem([&](const Problem& p) {
    expect_close(conv_jacobian(p.g, p.images, p.probed), p.jacobian());
    const auto [delta_bar, images_bar] = conv_jacobian_adjoint(p.g, p.images, p.probed, p.cotangent, true);
    expect_close(delta_bar, p.delta_bar());
    expect_close(images_bar, p.images_bar());
    const auto [alone, none] = conv_jacobian_adjoint(p.g, p.images, p.probed, p.cotangent, false);
    EXPECT_TRUE(at::equal(alone, delta_bar));
    EXPECT_FALSE(none.defined());
  });
}

TEST_P(ConvolutionTest, AtenTwinsGiveTheSame) {
  for_each_problem([&](const Problem& p) {
    if (p.images.size(0) == 0) {
      return;  // ATen refuses some of them
    }
    expect_close(aten::conv_patches(p.g, p.images), p.patches());
    expect_close(aten::conv_fold(p.g, p.patches().to(dtype())), plain_fold(p.g, p.patches()));
    expect_close(aten::conv_forward(p.g, p.images, p.weight, {}), p.outputs());
    expect_close(aten::conv_forward(p.g, p.images, p.weight, p.bias),
                 p.outputs() + p.bias.to(at::kDouble).view({1, kOut, 1, 1}));
    expect_close(aten::conv_backward_images(p.g, p.delta, p.weight), p.backward());
    at::Tensor gradient = p.weight.clone();
    aten::conv_add_weight_gradient(p.g, p.images, p.delta, gradient);
    expect_close(gradient, p.weight.to(at::kDouble) + p.weight_gradient());
    expect_close(aten::conv_jacobian(p.g, p.images, p.probed), p.jacobian());
    const auto [delta_bar, images_bar] = aten::conv_jacobian_adjoint(p.g, p.images, p.probed, p.cotangent, true);
    expect_close(delta_bar, p.delta_bar());
    expect_close(images_bar, p.images_bar());
    EXPECT_FALSE(aten::conv_jacobian_adjoint(p.g, p.images, p.probed, p.cotangent, false).second.defined());
  });
}

INSTANTIATE_TEST_SUITE_P(Types, ConvolutionTest, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& parameter) { return parameter.param == at::kFloat ? "Float" : "Double"; });

TEST(ConvGeometry, CountsItsOutputsAsPyTorchDoes) {
  for (const ConvGeometry& g : kConvGeometries) {
    const at::Tensor images = at::zeros({1, g.channels, g.height, g.width});
    const at::Tensor weight = at::zeros({1, g.channels, g.kernel_height, g.kernel_width});
    const at::Tensor outputs = at::conv2d(images, weight, {}, {g.stride, g.stride}, {g.padding, g.padding});
    EXPECT_EQ(outputs.size(2), g.out_height()) << describe(g);
    EXPECT_EQ(outputs.size(3), g.out_width()) << describe(g);
  }
}

}  // namespace
}  // namespace ntt
