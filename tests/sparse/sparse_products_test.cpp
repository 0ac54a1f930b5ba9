#include "ntt/sparse/sparse_products.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "tests/core/numerics.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::HasSubstr;

/// Rounding of sums of a few hundred float32 products.
constexpr double kRounding = 2e-5;

NetworkSpec convolution(std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride,
                        std::int64_t padding) {
  const LayerSpec layer{
      "conv2d", "", {{"out_channels", 5}, {"kernel", kernel}, {"stride", stride}, {"padding", padding}}, {}, {}};
  return {"convolution",
          {3, height, width},
          {layer, {"flatten", "", {}, {}, {}}, {"linear", "", {{"out_features", 2}}, {}, {}}}};
}

at::Tensor draw_rows(std::int64_t count, const Shape& shape, std::uint64_t seed) {
  Shape sizes = shape;
  sizes.insert(sizes.begin(), count);
  RandomStream stream(seed, "test-rows");
  return random_normal(stream, sizes, 1.0, at::kFloat);
}

/// The three products in float64, with every weight, of which masks have made most zero.
struct Reference {
  explicit Reference(const Parameter& parameter)
      : weight(parameter.effective.to(at::kDouble)), g(parameter.geometry), images(parameter.shape.size() == 4) {}

  at::Tensor outputs(const at::Tensor& inputs) const {
    const at::Tensor x = inputs.to(at::kDouble);
    return images ? conv_forward(g, x, weight, {}) : x.matmul(weight.t());
  }
  at::Tensor inputs(const at::Tensor& delta) const {
    const at::Tensor d = delta.to(at::kDouble);
    return images ? conv_backward_images(g, d, weight) : d.matmul(weight);
  }
  at::Tensor gradient(const at::Tensor& inputs, const at::Tensor& delta) const {
    const at::Tensor x = inputs.to(at::kDouble);
    const at::Tensor d = delta.to(at::kDouble);
    if (!images) {
      return d.t().matmul(x);
    }
    at::Tensor result = at::zeros_like(weight);
    conv_add_weight_gradient(g, x, d, result);
    return result;
  }

  Shape in() const { return images ? Shape{g.channels, g.height, g.width} : Shape{g.channels}; }
  Shape out() const { return images ? Shape{weight.size(0), g.out_height(), g.out_width()} : Shape{weight.size(0)}; }

  at::Tensor weight;
  ConvGeometry g;
  bool images;
};

/// Largest difference, against the largest of what is expected or 1.
double error(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) {
    return std::numeric_limits<double>::infinity();
  }
  return (actual.to(at::kDouble) - expected).abs().max().item<double>() /
         std::max(1.0, expected.abs().max().item<double>());
}

void expect_agreement(const Parameter& weight, const at::Tensor& bias, std::int64_t rows) {
  const Reference reference(weight);
  const SparseProducts products(weight);
  const at::Tensor inputs = draw_rows(rows, reference.in(), 1);
  const at::Tensor delta = draw_rows(rows, reference.out(), 2);
  const at::Tensor sum_out = draw_rows(rows, reference.out(), 3);
  const at::Tensor sum_in = draw_rows(rows, reference.in(), 4);
  const at::Tensor& w = weight.effective;

  at::Tensor column = bias.to(at::kDouble);
  column = reference.images ? column.view({-1, 1, 1}) : column;
  EXPECT_LT(error(products.outputs(w, inputs, bias, {}), reference.outputs(inputs) + column), kRounding);
  EXPECT_LT(error(products.outputs(w, inputs, {}, {}), reference.outputs(inputs)), kRounding);
  EXPECT_LT(error(products.outputs(w, inputs, {}, sum_out.clone()), reference.outputs(inputs) + sum_out), kRounding);
  EXPECT_LT(error(products.inputs(w, delta, {}), reference.inputs(delta)), kRounding);
  EXPECT_LT(error(products.inputs(w, delta, sum_in.clone()), reference.inputs(delta) + sum_in), kRounding);

  const at::Tensor before = at::full_like(w, 0.5F);
  at::Tensor gradient = before.clone();
  products.add_gradient(inputs, delta, gradient);
  EXPECT_LT(error(gradient, 0.5 + reference.gradient(inputs, delta) * weight.mask), kRounding);
}

class SparseProductsTest : public testing::TestWithParam<std::string> {};

TEST_P(SparseProductsTest, AgreeWithDenseOnesAtEveryDensityAndNumberOfRows) {
  for (const double density : {0.0, 0.05, 0.5, 1.0}) {
    Network network = draw(small_network(GetParam()), 3, at::kFloat);
    mask_at_random(network, density, 5);
    for (std::size_t i = 0; i < network.parameters().size(); i += 2) {
      for (const std::int64_t rows : {1, 15, 16, 17, 40}) {
        SCOPED_TRACE(network.parameters()[i]->name + ", density " + std::to_string(density) + ", rows " +
                     std::to_string(rows));
        expect_agreement(*network.parameters()[i], network.parameters()[i + 1]->value, rows);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryNetwork, SparseProductsTest, testing::ValuesIn(small_network_names()),
                         [](const auto& parameter) { return as_identifier(parameter.param); });

TEST(SparseProductsGeometryTest, AgreeForEveryConvolution) {
  for (const std::int64_t kernel : {1, 2, 3, 5}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t padding : {0, 1, 3}) {
        SCOPED_TRACE(std::to_string(kernel) + ", stride " + std::to_string(stride) + ", padding " +
                     std::to_string(padding));
        Network network = draw(convolution(7, 10, kernel, stride, padding), 7, at::kFloat);
        mask_at_random(network, 0.3, 8);
        expect_agreement(*network.parameters()[0], network.parameters()[1]->value, 18);
      }
    }
  }
}

TEST(SparseProductsThreadsTest, DoNotDependOnTheirNumber) {
  Network network = draw(convolution(9, 9, 3, 1, 1), 7, at::kFloat);
  mask_at_random(network, 0.2, 8);
  const Parameter& weight = *network.parameters()[0];
  const Reference reference(weight);
  const at::Tensor inputs = draw_rows(100, reference.in(), 1);
  const at::Tensor delta = draw_rows(100, reference.out(), 2);
  const auto run = [&](int threads) {
    const ThreadsGuard guard(threads);
    const SparseProducts products(weight);
    at::Tensor gradient = at::zeros_like(weight.effective);
    products.add_gradient(inputs, delta, gradient);
    return at::cat({products.outputs(weight.effective, inputs, {}, {}).flatten(),
                    products.inputs(weight.effective, delta, {}).flatten(), gradient.flatten()});
  };
  const at::Tensor alone = run(1);
  EXPECT_TRUE(at::equal(alone, run(2)));
  EXPECT_TRUE(at::equal(alone, run(3)));
}

TEST(SparseProductsValuesTest, FollowTheWeightsValues) {
  Network network = draw(convolution(5, 5, 3, 1, 1), 7, at::kFloat);
  mask_at_random(network, 0.2, 8);
  Parameter& weight = *network.parameters()[0];
  const SparseProducts products(weight);
  weight.value.mul_(-2);
  weight.refresh();
  const at::Tensor inputs = draw_rows(20, {3, 5, 5}, 1);
  EXPECT_LT(error(products.outputs(weight.effective, inputs, {}, {}), Reference(weight).outputs(inputs)), kRounding);
}

TEST(ChooseProductsTest, TakesSparseOnesWhereAskedOrWhereDensityIsLow) {
  Network network = draw(small_network("mlp"), 7, at::kFloat);
  Parameter& weight = *network.parameters()[0];
  choose_products(network, Execution::sparse);
  EXPECT_EQ(weight.products, nullptr) << "without a mask there is nothing to leave out";
  mask_at_random(network, 0.99, 8);
  choose_products(network, Execution::automatic);
  EXPECT_EQ(weight.products, nullptr);
  choose_products(network, Execution::sparse);
  EXPECT_NE(weight.products, nullptr);
  choose_products(network, Execution::dense);
  EXPECT_EQ(weight.products, nullptr);
  mask_at_random(network, 0.02, 8);
  choose_products(network, Execution::automatic);
  EXPECT_NE(weight.products, nullptr);
  weight.set_mask(at::ones_like(weight.value));
  EXPECT_EQ(weight.products, nullptr) << "they were made for another mask";
}

TEST(ChooseProductsTest, HasNoneInDoublePrecision) {
  Network network = draw(small_network("mlp"), 7);
  mask_at_random(network, 0.02, 8);
  choose_products(network, Execution::automatic);
  EXPECT_EQ(network.parameters()[0]->products, nullptr);
  try {
    choose_products(network, Execution::sparse);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("float32"));
  }
}

}  // namespace
}  // namespace ntt
