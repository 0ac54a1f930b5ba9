#include "ntt/sparse/sparse_products.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/models/layer_stack.h"
#include "ntt/ops/convolution.h"
#include "tests/core/numerics.h"
#include "tests/sparse/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::HasSubstr;

/// Rounding of sums of a few hundred float32 products.
constexpr double kRounding = 2e-5;
/// The same in float64.
constexpr double kDoubleRounding = 1e-13;

/// Its node 0 is a convolution.
Graph convolution(std::int64_t height, std::int64_t width, const Attributes& attributes) {
  LayerStack layers("convolution", {4, height, width});
  layers.add("conv2d", attributes);
  return layers.flatten().linear(2).finish();
}

Graph convolution(std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride,
                  std::int64_t padding) {
  return convolution(height, width,
                     {{"out_channels", 6L}, {"kernel", kernel}, {"stride", stride}, {"padding", padding}});
}

at::Tensor draw_rows(std::int64_t count, const Shape& shape, std::uint64_t seed) {
  Shape sizes = shape;
  sizes.insert(sizes.begin(), count);
  RandomStream stream(seed, "test-rows");
  return random_normal(stream, sizes, 1.0, at::kFloat);
}

/// The three products in float64, with every weight, of which masks have made most zero.
struct Reference {
  Reference(const Network& network, NodeId node)
      : weight(network.parameters_of(node).effective(0).to(at::kDouble)),
        in(network.graph().values[network.graph().nodes[node].inputs.front()].shape),
        out(network.graph().values[network.graph().nodes[node].output].shape) {
    if (const auto* convolution = dynamic_cast<const Convolution*>(&network.op(node))) {
      images = true;
      g = convolution->geometry();
      weight = weight.view({weight.size(0), weight.size(1), g.kernel_height, g.kernel_width});
    }
  }

  at::Tensor outputs(const at::Tensor& inputs) const {
    const at::Tensor x = inputs.to(at::kDouble);
    return images ? as(out, conv_forward(g, image(x, g.channels, g.height, g.width), weight, {}))
                  : x.matmul(weight.t());
  }
  at::Tensor inputs(const at::Tensor& delta) const {
    const at::Tensor d = delta.to(at::kDouble);
    return images ? as(in, conv_backward_images(g, image(d, out.front(), g.out_height(), g.out_width()), weight))
                  : d.matmul(weight);
  }
  at::Tensor gradient(const at::Tensor& inputs, const at::Tensor& delta) const {
    const at::Tensor x = inputs.to(at::kDouble);
    const at::Tensor d = delta.to(at::kDouble);
    if (!images) {
      return d.flatten(0, -2).t().matmul(x.flatten(0, -2));
    }
    at::Tensor result = at::zeros_like(weight);
    conv_add_weight_gradient(g, image(x, g.channels, g.height, g.width),
                             image(d, out.front(), g.out_height(), g.out_width()), result);
    return result;
  }

  static at::Tensor image(const at::Tensor& values, std::int64_t channels, std::int64_t height, std::int64_t width) {
    return values.view({values.size(0), channels, height, width});
  }
  static at::Tensor as(const Shape& shape, const at::Tensor& images) {
    Shape sizes = shape;
    sizes.insert(sizes.begin(), images.size(0));
    return images.view(sizes);
  }

  at::Tensor weight;
  Shape in;
  Shape out;
  bool images = false;
  ConvGeometry g;
};

/// Largest difference, against the largest of what is expected or 1.
double error(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) {
    return std::numeric_limits<double>::infinity();
  }
  return (actual.to(at::kDouble) - expected).abs().max().item<double>() /
         std::max(1.0, expected.abs().max().item<double>());
}

void expect_agreement(const Network& network, NodeId node, std::int64_t rows, at::ScalarType dtype = at::kFloat) {
  const double rounding = dtype == at::kFloat ? kRounding : kDoubleRounding;
  const Reference reference(network, node);
  const auto made = SparseProducts::of_node(network, node);
  const SparseProducts& products = *made;
  const Parameter& weight = *network.parameters_of(node).values.front();
  const at::Tensor inputs = draw_rows(rows, reference.in, 1).to(dtype);
  const at::Tensor delta = draw_rows(rows, reference.out, 2).to(dtype);
  const at::Tensor sum_out = draw_rows(rows, reference.out, 3).to(dtype);
  const at::Tensor sum_in = draw_rows(rows, reference.in, 4).to(dtype);
  const at::Tensor w = weight.effective.to(dtype);

  const at::Tensor bias = draw_rows(w.size(0), {}, 5).to(dtype);
  const at::Tensor column = reference.images
                                ? bias.to(at::kDouble).view(reference.out.size() == 3 ? Shape{-1, 1, 1} : Shape{-1, 1})
                                : bias.to(at::kDouble);
  EXPECT_LT(error(products.outputs(w, inputs, bias, {}), reference.outputs(inputs) + column), rounding);
  EXPECT_LT(error(products.outputs(w, inputs, {}, {}), reference.outputs(inputs)), rounding);
  EXPECT_LT(error(products.outputs(w, inputs, {}, sum_out.clone()), reference.outputs(inputs) + sum_out), rounding);
  EXPECT_LT(error(products.inputs(w, delta, {}), reference.inputs(delta)), rounding);
  EXPECT_LT(error(products.inputs(w, delta, sum_in.clone()), reference.inputs(delta) + sum_in), rounding);

  const at::Tensor before = at::full_like(w, 0.5);
  at::Tensor gradient = before.clone();
  products.add_gradient(inputs, delta, gradient);
  EXPECT_LT(error(gradient, 0.5 + reference.gradient(inputs, delta).view_as(w) * weight.mask()), rounding);
}

std::vector<NodeId> nodes_with_weights(const Network& network) {
  std::vector<NodeId> nodes;
  for (NodeId node = 0; node < network.graph().nodes.size(); ++node) {
    const NodeParameters parameters = network.parameters_of(node);
    if (!parameters.values.empty() && parameters.values.front()->role == Role::weight) {
      nodes.push_back(node);
    }
  }
  return nodes;
}

TEST(SparseProductsTypesTest, AgreeOnTokensAndInOneDimension) {
  for (const std::string& name : small_network_names()) {
    Network network = draw(small_network(name), 7, at::kFloat);
    mask_at_random(network, 0.3, 8);
    for (const NodeId node : nodes_with_weights(network)) {
      if (network.parameters_of(node).values.front()->prunable) {
        SCOPED_TRACE(name + ", " + network.graph().nodes[node].name);
        expect_agreement(network, node, 9);
      }
    }
  }
}

class SparseProductsTest : public testing::TestWithParam<std::string> {};

TEST_P(SparseProductsTest, AgreeWithDenseOnesAtEveryDensityAndNumberOfRows) {
  for (const double density : {0.0, 0.05, 0.5, 1.0}) {
    Network network = draw_masked(GetParam(), density);
    for (const NodeId node : nodes_with_weights(network)) {
      for (const std::int64_t rows : {1, 15, 16, 17, 40}) {
        SCOPED_TRACE(testing::Message() << network.graph().nodes[node].name << ", density " << density << ", rows "
                                        << rows);
        expect_agreement(network, node, rows);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryNetwork, SparseProductsTest, testing::ValuesIn(sparse_network_names()),
                         [](const auto& parameter) { return as_identifier(parameter.param); });

TEST(SparseProductsGeometryTest, AgreeForEveryConvolution) {
  for (const std::int64_t kernel : {1, 2, 3, 5}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t padding : {0, 1, 3}) {
        SCOPED_TRACE(std::to_string(kernel) + ", stride " + std::to_string(stride) + ", padding " +
                     std::to_string(padding));
        Network network = draw(convolution(7, 10, kernel, stride, padding), 7, at::kFloat);
        mask_at_random(network, 0.3, 8);
        expect_agreement(network, 0, 18);
      }
    }
  }
}

TEST(SparseProductsGeometryTest, AgreeWithGroupsDilationsAndUnequalSides) {
  using Sizes = std::vector<std::int64_t>;
  for (const std::int64_t groups : {1, 2, 4}) {
    for (const Sizes& dilation : {Sizes{1, 1}, Sizes{2, 1}, Sizes{2, 3}}) {
      for (const Sizes& stride : {Sizes{1, 1}, Sizes{2, 1}, Sizes{3, 2}}) {
        SCOPED_TRACE(testing::Message() << groups << " groups, dilation " << dilation[0] << ", " << dilation[1]
                                        << ", stride " << stride[0] << ", " << stride[1]);
        Network network = draw(convolution(9, 12,
                                           {{"out_channels", 8L},
                                            {"kernel", Sizes{3, 2}},
                                            {"stride", stride},
                                            {"padding", Sizes{1, 0, 2, 3}},
                                            {"dilation", dilation},
                                            {"groups", groups}}),
                               7, at::kFloat);
        mask_at_random(network, 0.3, 8);
        expect_agreement(network, 0, 18);
        expect_agreement(network, 0, 18, at::kDouble);
      }
    }
  }
}

TEST(SparseProductsThreadsTest, DoNotDependOnTheirNumber) {
  Network network = draw(convolution(9, 9, 3, 1, 1), 7, at::kFloat);
  mask_at_random(network, 0.2, 8);
  const at::Tensor weight = network.parameters()[0]->effective;
  const Reference reference(network, 0);
  const at::Tensor inputs = draw_rows(100, reference.in, 1);
  const at::Tensor delta = draw_rows(100, reference.out, 2);
  const auto run = [&](int threads) {
    const ThreadsGuard guard(threads);
    const auto made = SparseProducts::of_node(network, 0);
    const SparseProducts& products = *made;
    at::Tensor gradient = at::zeros_like(weight);
    products.add_gradient(inputs, delta, gradient);
    return at::cat({products.outputs(weight, inputs, {}, {}).flatten(), products.inputs(weight, delta, {}).flatten(),
                    gradient.flatten()});
  };
  const at::Tensor alone = run(1);
  EXPECT_TRUE(at::equal(alone, run(2)));
  EXPECT_TRUE(at::equal(alone, run(3)));
}

TEST(SparseProductsSizeTest, RefusesWhatOffsetsCannotReach) {
  ConvGeometry geometry;
  geometry.channels = std::int64_t{1} << 30;
  geometry.height = geometry.width = geometry.kernel_height = geometry.kernel_width = 1;
  EXPECT_THROW(SparseProducts(geometry, {geometry.channels}, {1}, 1, at::zeros({1}, at::kLong)), InputError);
}

TEST(SparseProductsValuesTest, FollowTheWeightsValues) {
  Network network = draw(convolution(5, 5, 3, 1, 1), 7, at::kFloat);
  mask_at_random(network, 0.2, 8);
  Parameter& weight = *network.parameters()[0];
  const auto made = SparseProducts::of_node(network, 0);
  const SparseProducts& products = *made;
  weight.value.mul_(-2);
  weight.refresh();
  const at::Tensor inputs = draw_rows(20, {4, 5, 5}, 1);
  EXPECT_LT(error(products.outputs(weight.effective, inputs, {}, {}), Reference(network, 0).outputs(inputs)),
            kRounding);
}

bool has_products(const Network& network, NodeId node) {
  return network.parameters_of(node).products != nullptr;
}

TEST(ChooseProductsTest, TakesSparseOnesWhereAskedOrWhereDensityIsLow) {
  Network network = draw(sparse_network("mlp"), 7, at::kFloat);
  choose_products(network, Execution::sparse);
  EXPECT_FALSE(has_products(network, 0)) << "without a mask there is nothing to leave out";
  mask_at_random(network, 0.99, 8);
  choose_products(network, Execution::automatic);
  EXPECT_FALSE(has_products(network, 0));
  choose_products(network, Execution::sparse);
  EXPECT_TRUE(has_products(network, 0));
  choose_products(network, Execution::dense);
  EXPECT_FALSE(has_products(network, 0));
  mask_at_random(network, 0.02, 8);
  choose_products(network, Execution::automatic);
  EXPECT_TRUE(has_products(network, 0));
  Parameter& weight = *network.parameters()[0];
  weight.set_mask(at::ones_like(weight.value));
  EXPECT_FALSE(has_products(network, 0)) << "they were made for another mask";
}

std::string refusal(Network& network) {
  try {
    choose_products(network, Execution::sparse);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(ChooseProductsTest, HasNoneInDoublePrecision) {
  Network network = draw_masked("mlp", 0.02, at::kDouble);
  choose_products(network, Execution::automatic);
  EXPECT_FALSE(has_products(network, 0));
  EXPECT_THAT(refusal(network), HasSubstr("float32"));
}

TEST(ChooseProductsTest, TakesEveryNodeWithAMaskedWeight) {
  for (const std::string& name : small_network_names()) {
    SCOPED_TRACE(name);
    Network network = draw(small_network(name), 7, at::kFloat);
    mask_at_random(network, 0.1, 8);
    const at::Tensor inputs = draw_inputs(network.graph(), 5, 9, at::kFloat);
    const at::Tensor dense = network.predict(inputs);
    choose_products(network, Execution::sparse);
    EXPECT_LT(relative_error(network.predict(inputs), dense), kRounding);
    for (const NodeId node : nodes_with_weights(network)) {
      const Node& layer = network.graph().nodes[node];
      EXPECT_EQ(has_products(network, node), network.parameters_of(node).values.front()->prunable) << layer.name;
    }
  }
}

}  // namespace
}  // namespace ntt
