// What PyTorch's newer exporter writes with `optimize=False`.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;

class OnnxUnoptimisedTest : public OnnxTest {};

TEST_F(OnnxUnoptimisedTest, BringsAConstantToTheTypeOfAnActivation) {
  const at::Tensor x = normal({3, 8});
  ModelBuilder builder({8}, 20);
  builder.integers("two", {2}).node("CastLike", {"two", "x"}, {"number"}).node("Mul", {"x", "number"}, {"y"});
  expect_near(run(builder, x), 2 * x);
}

TEST_F(OnnxUnoptimisedTest, LeavesActivationsAsTheyAre) {
  const at::Tensor x = normal({3, 8});
  ModelBuilder builder({8}, 20);
  builder.node("Relu", {"x"}, {"r"}).node("CastLike", {"r", "x"}, {"c"}).node("Tanh", {"c"}, {"y"});
  expect_near(run(builder, x), x.relu().tanh());
}

TEST_F(OnnxUnoptimisedTest, TakesComputedZerosForNoBias) {
  const at::Tensor x = normal({3, 2, 5, 5});
  const at::Tensor weight = normal({4, 2, 3, 3}, 2);
  ModelBuilder builder({2, 5, 5}, 20);
  builder.value("conv.weight", weight)
      .integers("four", {4})
      .node("Constant", {}, {"zero"}, {{"value_int", std::int64_t{0}}});
  builder.node("CastLike", {"zero", "x"}, {"float"}).node("Expand", {"float", "four"}, {"zeros"});
  builder.node("Conv", {"x", "conv.weight", "zeros"}, {"y"});
  ASSERT_EQ(read_back(builder).graph.parameters.size(), 1U);
  expect_near(run(builder, x), at::conv2d(x, weight));
}

TEST_F(OnnxUnoptimisedTest, KeepsABiasOfZerosThatIsAParameter) {
  ModelBuilder builder({2, 5, 5}, 20);
  builder.value("conv.weight", normal({4, 2, 3, 3})).value("conv.bias", at::zeros({4}));
  builder.node("Conv", {"x", "conv.weight", "conv.bias"}, {"y"});
  EXPECT_EQ(read_back(builder).graph.parameters.size(), 2U);
}

}  // namespace
}  // namespace ntt
