#include "ntt/ops/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/operators.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using testing::Not;
using List = std::vector<std::int64_t>;

TEST(Registry, EveryTypeHasARowInTheSharedTestAndTheReverse) {
  std::set<std::string_view> registered;
  for (const OperatorType& type : operator_types()) {
    EXPECT_TRUE(registered.insert(type.name).second) << type.name << " is there twice";
    EXPECT_FALSE(type.stem.empty()) << type.name;
    EXPECT_FALSE(type.formula.empty()) << type.name;
  }
  std::set<std::string_view> tested;
  for (const oracle::OperatorRow& row : oracle::operator_rows()) {
    EXPECT_TRUE(tested.insert(row.type).second) << row.type << " is there twice";
    EXPECT_FALSE(row.cases.empty()) << row.type;
  }
  EXPECT_EQ(registered, tested);
}

TEST(Registry, EveryAttributeIsTried) {
  for (const OperatorType& type : operator_types()) {
    std::set<std::string_view> tried;
    for (const oracle::OperatorCase& made : oracle::operator_row(type.name).cases) {
      for (const auto& [key, value] : made.attributes) {
        tried.insert(key);
      }
    }
    for (const std::string_view attribute : type.attributes) {
      EXPECT_TRUE(tried.contains(attribute)) << type.name << "'s " << attribute;
    }
  }
}

struct Misfit {
  const char* type;
  Attributes attributes;
  std::vector<Shape> inputs;
  const char* part;  ///< of the message
};

const std::vector<Misfit> kMisfits{
    {"hard-tanh", {}, {{4}}, "there is no layer type 'hard-tanh'; known are linear, conv2d"},
    {"relu", {{"slope", 1.0}}, {{4}}, "a relu layer has no setting 'slope'; it knows: none"},
    {"clip", {{"low", 1.0}}, {{4}}, "no setting 'low'; it knows: min, max"},
    {"relu", {}, {}, "takes 1 inputs, but has 0"},
    {"relu", {}, {{4}, {4}}, "takes 1 inputs, but has 2"},
    {"add", {}, {{4}}, "takes 2 inputs, but has 1"},
    {"matmul", {}, {{4, 4}}, "takes 2 inputs, but has 1"},
    {"concat", {}, {}, "takes at least 1 inputs, but has 0"},
    {"parameter", {{"shape", List{4}}}, {{4}}, "takes 0 inputs, but has 1"},
    {"linear", {}, {{4}}, "needs 'out_features'"},
    {"linear", {{"out_features", 0}}, {{4}}, "'out_features' is 0, but must lie between 1 and 16777216"},
    {"linear", {{"out_features", 2.5}}, {{4}}, "'out_features' must be a whole number"},
    {"linear", {{"out_features", List{1, 2}}}, {{4}}, "'out_features' has 2 numbers, but must have one"},
    {"linear", {{"out_features", 3}, {"in_features", 5}}, {{4}}, "5 inputs was given 4"},
    {"linear", {{"out_features", 3}, {"bias", 1}}, {{4}}, "'bias' must be true or false"},
    {"linear", {{"out_features", 3}}, {{2, 3, 4}}, "image of 2x3x4: put a flatten layer before it"},
    {"linear", {{"out_features", 3}}, {Shape{}}, "axis"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 2}}, {{4}}, "images of channels x height x width, but its input is 4"},
    {"conv1d", {{"out_channels", 3}, {"kernel", 2}}, {{2, 4, 4}}, "channels x length, but its input is 2x4x4"},
    {"conv2d", {{"out_channels", 3}}, {{2, 4, 4}}, "needs 'kernel'"},
    {"conv2d", {{"kernel", 3}}, {{2, 4, 4}}, "needs 'out_channels'"},
    {"conv2d",
     {{"out_channels", 3}, {"kernel", List{2, 2, 2}}},
     {{2, 4, 4}},
     "'kernel' has 3 numbers, but must have 1 or 2"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 5}}, {{2, 4, 4}}, "kernel of 5x5 with dilation 1x1 does not fit"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 3}, {"dilation", 2}}, {{2, 4, 4}}, "dilation 2x2 does not fit"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 3}, {"stride", 0}}, {{2, 4, 4}}, "'stride' is 0"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 3}, {"padding", -1}}, {{2, 4, 4}}, "'padding' is -1"},
    {"conv2d",
     {{"out_channels", 3}, {"kernel", 3}, {"padding", List{1, 1, 1}}},
     {{2, 4, 4}},
     "'padding' has 3 numbers"},
    {"conv2d", {{"out_channels", 4}, {"kernel", 1}, {"groups", 2}}, {{3, 4, 4}}, "2 groups must divide its 3 input"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 1}, {"groups", 2}}, {{4, 4, 4}}, "2 groups must divide its 4 input"},
    {"conv2d", {{"out_channels", 3}, {"kernel", 1}, {"in_channels", 1}}, {{4, 4, 4}}, "'in_channels' is 1, but"},
    {"batch-norm", {{"epsilon", -1.0}}, {{4}}, "'epsilon' is -1, but must be at least 0"},
    {"batch-norm", {{"epsilon", "small"}}, {{4}}, "'epsilon' must be a number"},
    {"batch-norm", {}, {Shape{}}, "channel"},
    {"layer-norm", {{"axes", 3}}, {{2, 4}}, "'axes' is 3, but its input 2x4 has 2 axes"},
    {"parameter", {{"shape", List{2, 0}}}, {}, "its sides must be at least 1"},
    {"parameter", {{"role", "shift"}}, {}, "'shape'"},
    {"parameter", {{"shape", List{2}}, {"role", "mean"}}, {}, "'role' is 'mean', but must be \"weight\", \"scale\""},
    {"gelu", {{"approximation", "erf"}}, {{4}}, "'approximation' is 'erf', but must be \"none\" or \"tanh\""},
    {"gelu", {{"approximation", true}}, {{4}}, "'approximation' must be a word"},
    {"clip", {{"min", 2}, {"max", 1}}, {{4}}, "'min' is 2 and 'max' is 1"},
    {"add", {}, {{2, 3}, {2, 4}}, "its inputs 2x3 and 2x4 have shapes that do not fit together"},
    {"mul", {}, {{3, 2}, {3}}, "its inputs 3x2 and 3 have shapes that do not fit together"},
    {"matmul", {}, {{2, 3}, {4, 2}}, "matrices on the last two axes, but its inputs are 2x3 and 4x2"},
    {"matmul", {}, {{3}, {3, 2}}, "matrices on the last two axes"},
    {"matmul", {}, {{2, 2, 3}, {3, 3, 2}}, "do not fit together"},
    {"softmax", {{"axis", 2}}, {{2, 3}}, "'axis' is 2, but its input has 2 axes"},
    {"softmax", {{"axis", List{0, 1}}}, {{2, 3}}, "'axis' must be one axis"},
    {"max-pool", {}, {{2, 4, 4}}, "needs 'kernel'"},
    {"max-pool", {{"kernel", 5}}, {{2, 4, 4}}, "window of 5x5 does not fit into its input of 2x4x4"},
    {"average-pool", {{"kernel", 2}}, {{4}}, "pooling needs images"},
    {"average-pool", {{"kernel", 2}, {"padding", 2}}, {{2, 4, 4}}, "windows of 2x2 that hold no value"},
    {"average-pool", {{"kernel", 2}, {"dilation", 2}}, {{2, 4, 4}}, "no setting 'dilation'"},
    {"reduce-mean", {}, {{2, 4}}, "needs 'axes'"},
    {"reduce-mean", {{"axes", 2}}, {{2, 4}}, "'axes' must name some of the input's 2 axes once"},
    {"reduce-sum", {{"axes", List{0, -2}}}, {{2, 4}}, "'axes' must name some of the input's 2 axes once"},
    {"reshape", {{"shape", List{3, 3}}}, {{2, 4}}, "'shape' is [3x3], which does not fit the 8 values"},
    {"reshape", {{"shape", List{3, -1}}}, {{2, 4}}, "'shape' is 3x2, of 6 values, but its input 2x4 has 8"},
    {"reshape", {{"shape", List{-1, -1}}}, {{2, 4}}, "does not fit the 8 values"},
    {"reshape", {{"shape", List{0, 8}}}, {{2, 4}}, "does not fit the 8 values"},
    {"reshape", {}, {{2, 4}}, "needs 'shape'"},
    {"transpose", {{"axes", List{0, 0}}}, {{2, 4}}, "'axes' must name each of the input's 2 axes once"},
    {"transpose", {}, {{2, 4}}, "needs 'axes'"},
    {"concat", {}, {{2, 3}, {2, 4}}, "its inputs 2x3 and 2x4 differ in more than axis 0"},
    {"concat", {{"axis", 1}}, {{2, 3}, {2}}, "differ in more than axis 1"},
    {"slice", {{"start", 3}, {"end", 3}}, {{5}}, "the slice from 3 to 3 of an axis of 5 holds nothing"},
    {"slice", {{"step", 0}}, {{5}}, "'step' is 0"},
    {"slice", {{"axis", 1}}, {{5}}, "'axis' is 1, but its input has 1 axes"},
    {"pad", {{"padding", -1}}, {{5}}, "'padding' is -1"},
    {"pad", {{"padding", List{1, 1, 1}}}, {{5}}, "'padding' has 3 numbers"},
};

TEST(Registry, WhatDoesNotFitIsOneClearSentence) {
  for (const Misfit& misfit : kMisfits) {
    SCOPED_TRACE(std::string(misfit.type) + ": " + misfit.part);
    const std::string message = message_of<InputError>([&] {
      make_operator(misfit.type, {misfit.attributes, misfit.inputs});
    });
    EXPECT_THAT(message, HasSubstr(misfit.part));
    EXPECT_THAT(message, Not(HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace ntt
