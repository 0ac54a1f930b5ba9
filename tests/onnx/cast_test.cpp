#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;

class OnnxCastTest : public OnnxTest {};

/// What PyTorch's exporter writes with `optimize=False`: a number brought to the type of an activation.
TEST_F(OnnxCastTest, BringsAConstantToTheTypeOfAnActivation) {
  const at::Tensor x = normal({3, 8});
  ModelBuilder builder({8}, 20);
  builder.integers("two", {2}).node("CastLike", {"two", "x"}, {"number"}).node("Mul", {"x", "number"}, {"y"});
  expect_near(run(builder, x), 2 * x);
}

TEST_F(OnnxCastTest, LeavesActivationsAsTheyAre) {
  const at::Tensor x = normal({3, 8});
  ModelBuilder builder({8}, 20);
  builder.node("Relu", {"x"}, {"r"}).node("CastLike", {"r", "x"}, {"c"}).node("Tanh", {"c"}, {"y"});
  expect_near(run(builder, x), x.relu().tanh());
}

}  // namespace
}  // namespace ntt
