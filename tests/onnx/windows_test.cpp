// Convolutions and pools: padding of all kinds, windows at the borders.

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "tests/onnx/model_builder.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using Integers = std::vector<std::int64_t>;

class OnnxWindowTest : public OnnxTest {};

TEST_F(OnnxWindowTest, ConvolutionsOfOneAndTwoAxesWithGroupsAndDilations) {
  const at::Tensor signal = normal({2, 4, 11});
  const at::Tensor filter = normal({6, 2, 3}, 2);
  ModelBuilder one({4, 11});
  one.value("w", filter).value("b", normal({6}, 3));
  one.node(
      "Conv", {"x", "w", "b"}, {"y"},
      {{"strides", Integers{2}}, {"pads", Integers{2, 2}}, {"dilations", Integers{2}}, {"group", std::int64_t{2}}});
  expect_near(run(one, signal), at::conv1d(signal, filter, normal({6}, 3), 2, 2, 2, 2));
  const at::Tensor image = normal({2, 3, 7, 6});
  const at::Tensor weight = normal({5, 3, 3, 2}, 4);
  ModelBuilder two({3, 7, 6});
  two.value("w", weight).node("Conv", {"x", "w"}, {"y"}, {{"strides", Integers{2, 1}}});
  expect_near(run(two, image), at::conv2d(image, weight, {}, {2, 1}));
}

TEST_F(OnnxWindowTest, UnevenPadding) {
  const at::Tensor image = normal({2, 3, 7, 6});
  const at::Tensor weight = normal({5, 3, 3, 3}, 4);
  ModelBuilder builder({3, 7, 6});
  builder.value("w", weight).node("Conv", {"x", "w"}, {"y"}, {{"pads", Integers{0, 1, 2, 3}}});
  expect_near(run(builder, image), at::conv2d(at::constant_pad_nd(image, {1, 3, 0, 2}), weight));
}

TEST_F(OnnxWindowTest, AutomaticPaddingPutsTheOddOneAtTheEndOrTheBegin) {
  const at::Tensor image = normal({1, 1, 5, 8});
  const at::Tensor weight = normal({1, 1, 2, 3}, 4);
  const auto conv = [&](const std::string& automatic) {
    ModelBuilder builder({1, 5, 8});
    builder.value("w", weight);
    return builder.node("Conv", {"x", "w"}, {"y"}, {{"auto_pad", automatic}, {"strides", Integers{1, 2}}});
  };
  const auto padded = [&](const Integers& padding) {
    return at::conv2d(at::constant_pad_nd(image, padding), weight, {}, {1, 2});
  };
  expect_near(run(conv("SAME_UPPER"), image), padded({0, 1, 0, 1}));
  expect_near(run(conv("SAME_LOWER"), image), padded({1, 0, 1, 0}));
  expect_near(run(conv("VALID"), image), padded({0, 0}));
  EXPECT_THAT(refusal(conv("SAME")), HasSubstr("auto_pad"));
}

TEST_F(OnnxWindowTest, CeilModeLeavesOutWindowsThatBeginOutside) {
  const at::Tensor image = normal({2, 1, 4, 6});
  const OnnxAttributes attributes{{"kernel_shape", Integers{1, 3}},
                                  {"strides", Integers{3, 2}},
                                  {"pads", Integers{0, 1, 0, 1}},
                                  {"ceil_mode", std::int64_t{1}}};
  expect_near(run(ModelBuilder({1, 4, 6}, 12).node("MaxPool", {"x"}, {"y"}, attributes), image),
              at::max_pool2d(image, {1, 3}, {3, 2}, {0, 1}, {1, 1}, true));
  expect_near(run(ModelBuilder({1, 4, 6}, 12).node("AveragePool", {"x"}, {"y"}, attributes), image),
              at::avg_pool2d(image, {1, 3}, {3, 2}, {0, 1}, true, false));
  // One window would lie in the padding alone.
  const OnnxAttributes outside{{"kernel_shape", Integers{2, 2}},
                               {"strides", Integers{2, 2}},
                               {"pads", Integers{1, 1, 1, 1}},
                               {"ceil_mode", std::int64_t{1}}};
  const at::Tensor odd = normal({2, 1, 3, 3});
  expect_near(run(ModelBuilder({1, 3, 3}, 12).node("MaxPool", {"x"}, {"y"}, outside), odd),
              at::max_pool2d(odd, {2, 2}, {2, 2}, {1, 1}, {1, 1}, true));
}

TEST_F(OnnxWindowTest, PaddingIsNotCountedUnlessTheModelSaysSo) {
  const at::Tensor image = normal({2, 3, 6, 6});
  const auto pool = [&](const OnnxAttributes& more) {
    OnnxAttributes attributes{{"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"pads", Integers(4, 1)}};
    attributes.insert(attributes.end(), more.begin(), more.end());
    return run(ModelBuilder({3, 6, 6}).node("AveragePool", {"x"}, {"y"}, attributes), image);
  };
  expect_near(pool({}), at::avg_pool2d(image, {3, 3}, {2, 2}, {1, 1}, false, false));
  expect_near(pool({{"count_include_pad", std::int64_t{1}}}),
              at::avg_pool2d(image, {3, 3}, {2, 2}, {1, 1}, false, true));
}

TEST_F(OnnxWindowTest, StridesOfPoolsAreOneWhereTheyAreLeftOut) {
  const at::Tensor signal = normal({2, 3, 9});
  const ModelBuilder builder = ModelBuilder({3, 9}).node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", Integers{2}}});
  expect_near(run(builder, signal), at::max_pool1d(signal, 2, 1));
}

TEST_F(OnnxWindowTest, DilatedPools) {
  const at::Tensor image = normal({2, 3, 7, 7});
  const OnnxAttributes attributes{{"kernel_shape", Integers{2, 2}}, {"dilations", Integers{2, 2}}};
  expect_near(run(ModelBuilder({3, 7, 7}, 12).node("MaxPool", {"x"}, {"y"}, attributes), image),
              at::max_pool2d(image, {2, 2}, {1, 1}, {0, 0}, {2, 2}));
  EXPECT_THAT(refusal(ModelBuilder({3, 7, 7}, 19).node("AveragePool", {"x"}, {"y"}, attributes)),
              HasSubstr("dilations"));
}

TEST_F(OnnxWindowTest, GlobalPools) {
  const at::Tensor image = normal({2, 3, 4, 5});
  expect_near(run(ModelBuilder({3, 4, 5}).node("GlobalAveragePool", {"x"}, {"y"}), image), image.mean({2, 3}, true));
  expect_near(run(ModelBuilder({3, 4, 5}).node("GlobalMaxPool", {"x"}, {"y"}), image), image.amax({2, 3}, true));
  ModelBuilder reduced({3, 4, 5});
  reduced.node("ReduceMax", {"x"}, {"y"}, {{"axes", Integers{2, 3}}, {"keepdims", std::int64_t{0}}});
  expect_near(run(reduced, image), image.amax({2, 3}));
}

TEST_F(OnnxWindowTest, RefusesWhatDoesNotFit) {
  ModelBuilder mismatch({3, 4, 5});
  mismatch.value("w", normal({2, 4, 3, 3})).node("Conv", {"x", "w"}, {"y"});
  EXPECT_THAT(refusal(mismatch), HasSubstr("2x4x3x3"));
  ModelBuilder kernel({3, 4, 5});
  kernel.value("w", normal({2, 3, 3, 3})).node("Conv", {"x", "w"}, {"y"}, {{"kernel_shape", Integers{5, 5}}});
  EXPECT_THAT(refusal(kernel), HasSubstr("kernel_shape is 5x5"));
  ModelBuilder volume({3, 4, 5, 6});
  volume.value("w", normal({2, 3, 3, 3, 3})).node("Conv", {"x", "w"}, {"y"});
  EXPECT_THAT(refusal(volume), HasSubstr("1 and 2 are supported"));
  ModelBuilder negative({3, 4, 5});
  negative.value("w", normal({2, 3, 1, 1})).node("Conv", {"x", "w"}, {"y"}, {{"pads", Integers{-1, 0, 0, 0}}});
  EXPECT_THAT(refusal(negative), HasSubstr("pads -1"));
  ModelBuilder large({3, 4, 5});
  large.node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", Integers{9, 9}}});
  refusal(large);
  ModelBuilder wrong({3, 4, 5});
  wrong.node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", std::int64_t{3}}});
  EXPECT_THAT(refusal(wrong), HasSubstr("'kernel_shape' is of the wrong type"));
}

}  // namespace
}  // namespace ntt
