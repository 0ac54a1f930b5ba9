#include "ntt/core/convolution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/core/convolution_cases.h"
#include "tests/core/numerics.h"

namespace ntt {
namespace {

/// A convolution's operands, and in double what its products must be.
struct Problem {
  ConvGeometry g;
  std::int64_t n, probes, out;
  at::Tensor images, weight, bias;
  at::Tensor delta;      ///< [n, out, oh, ow]
  at::Tensor probed;     ///< [n, probes, out, oh, ow]
  at::Tensor cotangent;  ///< [n, probes, out, patch]

  Problem(const ConvGeometry& geometry, std::int64_t inputs, std::int64_t out_channels, at::ScalarType dtype)
      : g(geometry),
        n(inputs),
        probes(2),
        out(out_channels),
        images(draw({n, g.channels, g.height, g.width}, 1, dtype)),
        weight(draw({out, g.channels / g.groups, g.kernel_height, g.kernel_width}, 2, dtype)),
        bias(draw({out}, 3, dtype)),
        delta(draw({n, out, g.out_height(), g.out_width()}, 4, dtype)),
        probed(draw({n, probes, out, g.out_height(), g.out_width()}, 5, dtype)),
        cotangent(draw({n, probes, out, g.patch()}, 6, dtype)) {}

  at::Tensor patches() const { return plain_patches(g, images); }
  /// The same by groups: [n, groups, patch, positions].
  at::Tensor group_patches() const { return patches().view({n, g.groups, g.patch(), g.positions()}); }
  at::Tensor outputs() const {
    return at::einsum("goq,ngqp->ngop", {group_weight(), group_patches()}).reshape(delta.sizes());
  }
  at::Tensor backward() const { return fold(at::einsum("goq,ngop->ngqp", {group_weight(), group_delta()})); }
  at::Tensor weight_gradient() const {
    return at::einsum("ngop,ngqp->goq", {group_delta(), group_patches()}).reshape(weight.sizes());
  }
  at::Tensor jacobian() const {
    return at::einsum("nagop,ngqp->nagoq", {group_probed(), group_patches()}).reshape(cotangent.sizes());
  }
  at::Tensor delta_bar() const {
    return at::einsum("nagoq,ngqp->nagop", {group_cotangent(), group_patches()}).reshape(probed.sizes());
  }
  at::Tensor images_bar() const { return fold(at::einsum("nagoq,nagop->ngqp", {group_cotangent(), group_probed()})); }
  at::Tensor column_of_biases() const { return bias.to(at::kDouble).view({1, out, 1, 1}); }

 private:
  std::int64_t group_out() const { return out / g.groups; }
  at::Tensor group_weight() const { return weight.to(at::kDouble).view({g.groups, group_out(), g.patch()}); }
  at::Tensor group_delta() const { return delta.to(at::kDouble).view({n, g.groups, group_out(), g.positions()}); }
  at::Tensor group_probed() const {
    return probed.to(at::kDouble).view({n, probes, g.groups, group_out(), g.positions()});
  }
  at::Tensor group_cotangent() const {
    return cotangent.to(at::kDouble).view({n, probes, g.groups, group_out(), g.patch()});
  }
  at::Tensor fold(const at::Tensor& group_patch_matrices) const {
    return plain_fold(g, group_patch_matrices.reshape({n, patch_rows(g), g.positions()}));
  }
};

class ConvolutionTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  at::ScalarType dtype() const { return GetParam(); }

  /// Calls check on every geometry, on batches of none, one and several inputs (of few positions, several
  /// at a time), with one output channel a group and with several, on one to three threads.
  template <typename Check>
  void for_each_problem(Check&& check) const {
    // Changing the number of threads costs more than most products, so that is the outermost loop.
    const std::vector<std::pair<int, std::vector<std::int64_t>>> batches{{1, {0, 3, 19}}, {2, {1, 3}}, {3, {19}}};
    for (const auto& [count, sizes] : batches) {
      const ThreadsGuard guard(count);
      for (const ConvGeometry& g : kConvGeometries) {
        for (const std::int64_t n : sizes) {
          const std::int64_t out = g.groups * (n == 1 ? 1 : n == 3 ? 11 : 3);
          SCOPED_TRACE(fmt::format("{}: {} inputs, {} outputs on {} threads", describe(g), n, out, count));
          check(Problem(g, n, out, dtype()));
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
    const at::Tensor patches = draw({p.n, patch_rows(p.g), p.g.positions()}, 7, dtype());
    expect_close(conv_fold(p.g, patches), plain_fold(p.g, patches));
  });
}

TEST_P(ConvolutionTest, Forward) {
  for_each_problem([&](const Problem& p) {
    expect_close(conv_forward(p.g, p.images, p.weight, {}), p.outputs());
    expect_close(conv_forward(p.g, p.images, p.weight, p.bias), p.outputs() + p.column_of_biases());
    const at::Tensor sum = p.delta.clone();
    const at::Tensor result = conv_forward(p.g, p.images, p.weight, {}, sum);
    expect_close(result, p.outputs() + p.delta.to(at::kDouble));
    EXPECT_TRUE(result.is_same(sum));
    expect_close(conv_forward(p.g, p.images, p.weight, p.bias, p.delta.clone()),
                 p.outputs() + p.delta.to(at::kDouble) + p.column_of_biases());
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
    if (p.n == 0 || threads() > 1) {
      return;  // ATen refuses some batches of none, and its threads are not ours to test
    }
    expect_close(aten::conv_patches(p.g, p.images), p.patches());
    expect_close(aten::conv_fold(p.g, p.patches().to(dtype())), plain_fold(p.g, p.patches()));
    expect_close(aten::conv_forward(p.g, p.images, p.weight, {}), p.outputs());
    expect_close(aten::conv_forward(p.g, p.images, p.weight, p.bias), p.outputs() + p.column_of_biases());
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

TEST_P(ConvolutionTest, ThreadsDoNotChangeTheProducts) {
  const auto run = [&](int count) {
    const ThreadsGuard guard(count);
    std::vector<at::Tensor> results;
    for (const ConvGeometry& g : kConvGeometries) {
      const Problem p(g, 19, 2 * g.groups, dtype());
      const auto [delta_bar, images_bar] = conv_jacobian_adjoint(p.g, p.images, p.probed, p.cotangent, true);
      results.insert(results.end(),
                     {conv_forward(p.g, p.images, p.weight, p.bias), conv_backward_images(p.g, p.delta, p.weight),
                      conv_jacobian(p.g, p.images, p.probed), delta_bar, images_bar});
    }
    return results;
  };
  const auto one = run(1);
  const auto three = run(3);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i], three[i])) << describe(kConvGeometries[i / 5]) << ", product " << i % 5;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ConvolutionTest, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& parameter) { return parameter.param == at::kFloat ? "Float" : "Double"; });

/// The plain loops and ATen agree on what groups, dilation and padding mean.
TEST(ConvGeometry, MeansWhatPyTorchMeans) {
  for (const ConvGeometry& g : kConvGeometries) {
    const Problem p(g, 2, 2 * g.groups, at::kDouble);
    const at::Tensor padded = at::constant_pad_nd(p.images, {g.pad_left, g.pad_right, g.pad_top, g.pad_bottom});
    const at::Tensor outputs = at::convolution(padded, p.weight, {}, {g.stride_height, g.stride_width}, {0, 0},
                                               {g.dilation_height, g.dilation_width}, false, {0, 0}, g.groups);
    EXPECT_EQ(outputs.size(2), g.out_height()) << describe(g);
    EXPECT_EQ(outputs.size(3), g.out_width()) << describe(g);
    EXPECT_LT(error_of(outputs, p.outputs()), tolerance(at::kDouble)) << describe(g);
  }
}

}  // namespace
}  // namespace ntt
