#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/models/graph_builder.h"
#include "ntt/models/network_toml.h"
#include "ntt/nn/network.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> parameter_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : graph.parameters) {
    names.push_back(parameter.name);
  }
  return names;
}

Graph parse(const std::string& text) {
  return parse_network_toml(text, "net.toml");
}

TEST(NetworkToml, NamesLayersByKindAndCount) {
  const Graph graph = parse(R"(
    input = [2, 6, 6]
    [[layer]]
    type = "conv2d"
    out_channels = 3
    kernel = 3
    [[layer]]
    type = "relu"
    [[layer]]
    type = "conv2d"
    name = "second"
    out_channels = 3
    kernel = 3
    [[layer]]
    type = "residual"
    body = [{type = "conv2d", out_channels = 3, kernel = 1}]
    shortcut = [{type = "conv2d", out_channels = 3, kernel = 1}]
    [[layer]]
    type = "flatten"
    [[layer]]
    type = "linear"
    out_features = 4
    [[layer]]
    type = "linear"
    out_features = 2)");
  EXPECT_THAT(parameter_names(graph),
              ElementsAre("conv1.weight", "conv1.bias", "second.weight", "second.bias", "block1.body.conv1.weight",
                          "block1.body.conv1.bias", "block1.shortcut.conv1.weight", "block1.shortcut.conv1.bias",
                          "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"));
}

TEST(NetworkToml, InfersSizesFromTheInputOn) {
  const Network network(parse(R"(
    input = [3, 11, 9]
    layer = [
      {type = "conv2d", out_channels = 5, kernel = 3, stride = 2, padding = 1},
      {type = "average-pool", kernel = 2, stride = 1},
      {type = "max-pool", kernel = 2},
      {type = "flatten"},
      {type = "linear", out_features = 7}])"));
  // 11x9 -> 6x5 -> 5x4 -> 2x2
  EXPECT_THAT(network.parameters()[0]->shape, ElementsAre(5, 3, 3, 3));
  EXPECT_THAT(network.parameters()[2]->shape, ElementsAre(7, 20));
  EXPECT_EQ(network.outputs(), 7);
}

TEST(NetworkToml, TakesSizesThatAgreeWithTheInput) {
  const Graph graph = parse(R"(
    input = [3, 4, 4]
    layer = [
      {type = "conv2d", in_channels = 3, out_channels = 5, kernel = 4},
      {type = "flatten"},
      {type = "linear", in_features = 5, out_features = 7}])");
  EXPECT_EQ(Network(graph).outputs(), 7);
}

struct Misfit {
  const char* name;
  std::string text;
  std::vector<const char*> parts;  ///< of the message
};

std::string image_net(const std::string& layers) {
  return "input = [3, 8, 8]\nlayer = [" + layers + "]";
}
std::string flat_net(const std::string& layers) {
  return "input = [8]\nlayer = [" + layers + "]";
}

const std::vector<Misfit> kMisfits{
    {"UnknownType",
     flat_net(R"({type = "relu"}, {type = "sigmoyd"})"),
     {"layer 2 (sigmoyd ''", "no layer type 'sigmoyd'", "linear, conv2d"}},
    {"LinearOnImages",
     image_net(R"({type = "linear", out_features = 3})"),
     {"layer 1 (linear 'fc1')", "3x8x8", "flatten"}},
    {"LinearWithoutSize", flat_net(R"({type = "linear"})"), {"layer 1 (linear 'fc1')", "needs 'out_features'"}},
    {"LinearOfNothing", flat_net(R"({type = "linear", out_features = 0})"), {"'fc1'", "'out_features' is 0"}},
    {"LinearOfLess", flat_net(R"({type = "linear", out_features = -3})"), {"'fc1'", "'out_features' is -3"}},
    {"LinearTooLarge", flat_net(R"({type = "linear", out_features = 9223372036854775807})"), {"'fc1'", "16777216"}},
    {"LinearOtherInput",
     flat_net(R"({type = "linear", in_features = 9, out_features = 3})"),
     {"layer 1 (linear 'fc1')", "9 inputs", "given 8"}},
    {"LinearUnknownSetting",
     flat_net(R"({type = "linear", out_features = 3, biases = 1})"),
     {"'fc1'", "no setting 'biases'", "in_features, out_features"}},
    {"ReluWithSetting", flat_net(R"({type = "relu", slope = 1})"), {"layer 1 (relu 'relu1')", "no setting 'slope'"}},
    {"ConvolutionOnVectors",
     flat_net(R"({type = "conv2d", out_channels = 3, kernel = 3})"),
     {"layer 1 (conv2d 'conv1')", "images", "is 8"}},
    {"ConvolutionWithoutKernel", image_net(R"({type = "conv2d", out_channels = 3})"), {"'conv1'", "needs 'kernel'"}},
    {"ConvolutionWithoutChannels", image_net(R"({type = "conv2d", kernel = 3})"), {"'conv1'", "needs 'out_channels'"}},
    {"ConvolutionKernelTooLarge",
     image_net(R"({type = "relu"}, {type = "conv2d", out_channels = 3, kernel = 11, padding = 1})"),
     {"layer 2 (conv2d 'conv1')", "11x11", "3x8x8", "padding 1x1x1x1"}},
    {"ConvolutionStrideZero",
     image_net(R"({type = "conv2d", out_channels = 3, kernel = 3, stride = 0})"),
     {"'conv1'", "'stride' is 0"}},
    {"ConvolutionPaddingNegative",
     image_net(R"({type = "conv2d", out_channels = 3, kernel = 3, padding = -1})"),
     {"'conv1'", "'padding' is -1"}},
    {"ConvolutionOtherChannels",
     image_net(R"({type = "conv2d", in_channels = 1, out_channels = 3, kernel = 3})"),
     {"'conv1'", "'in_channels' is 1", "is 3x8x8"}},
    {"ConvolutionWeightsUncountable",
     image_net(R"({type = "conv2d", out_channels = 16777216, kernel = 16777216, padding = 16777216})"),
     {"layer 1 (conv2d 'conv1')", "too large"}},
    {"ConvolutionOutputsUncountable",
     image_net(R"({type = "conv2d", out_channels = 16777216, kernel = 1, padding = 16777216}, {type = "flatten"})"),
     {"layer 1 (conv2d 'conv1')", "too large"}},
    {"LinearWeightsUncountable",
     image_net(R"({type = "conv2d", out_channels = 16777216, kernel = 1, padding = 200}, {type = "flatten"},
      {type = "linear", out_features = 16777216})"),
     {"layer", "too large"}},
    {"PoolTooLarge", image_net(R"({type = "max-pool", kernel = 9})"), {"layer 1 (max-pool 'pool1')", "9x9", "3x8x8"}},
    {"PoolWithoutKernel", image_net(R"({type = "average-pool"})"), {"'pool1'", "needs 'kernel'"}},
    {"PoolOnVectors", flat_net(R"({type = "average-pool", kernel = 2})"), {"'pool1'", "images"}},
    {"ResidualShapes",
     flat_net(R"({type = "residual", body = [{type = "linear", out_features = 3}]})"),
     {"layer 1 (residual 'block1')", "body's output, 3", "shortcut's, 8"}},
    {"ResidualBody",
     flat_net(R"({type = "residual", body = [{type = "relu"}, {type = "linear"}]})"),
     {"layer 2 (linear 'block1.body.fc1')", "needs 'out_features'"}},
    {"ResidualInside",
     flat_net(R"({type = "residual", body = [{type = "residual", body = [{type = "conv2d"}]}]})"),
     {"layer 1 (conv2d 'block1.body.block1.body.conv1')", "images"}},
    {"ResidualWithoutBody",
     flat_net(R"({type = "residual", shortcut = [{type = "relu"}]})"),
     {"layer 1 (residual 'block1')", "needs a body"}},
    {"BodyOfALinear",
     flat_net(R"({type = "linear", out_features = 3, body = [{type = "relu"}]})"),
     {"layer 1 (linear 'fc1')", "body"}},
    {"ShortcutOfARelu",
     flat_net(R"({type = "relu", shortcut = [{type = "relu"}]})"),
     {"layer 1 (relu 'relu1')", "shortcut"}},
    {"TwoOfOneName",
     flat_net(R"({type = "linear", out_features = 3, name = "a"},
      {type = "linear", out_features = 3, name = "a"})"),
     {"two layers", "'a'"}},
    {"TwoOfOneNameInside",
     flat_net(R"({type = "residual", body = [{type = "relu", name = "a"},
      {type = "relu", name = "a"}]})"),
     {"two layers", "'block1.body.a'"}},
    {"ANameTakenByCounting",
     flat_net(R"({type = "linear", out_features = 3, name = "fc1"},
      {type = "linear", out_features = 3})"),
     {"two layers", "'fc1'"}},
    {"EndsInImages", image_net(R"({type = "conv2d", out_channels = 3, kernel = 3})"), {"ends in 3x6x6", "flatten"}},
    {"NothingToTrain", flat_net(R"({type = "relu"})"), {"no linear or convolution layer"}},
};

TEST(NetworkToml, WhatDoesNotFitIsSaidWithNetworkAndLayer) {
  for (const Misfit& misfit : kMisfits) {
    SCOPED_TRACE(misfit.name);
    const std::string message = message_of<InputError>([&] { Network{parse(misfit.text)}; });
    EXPECT_TRUE(message.starts_with("net.toml: network 'net', layer ") || message.starts_with("network 'net' "))
        << message;
    EXPECT_EQ(message.find("network 'net'", 11), std::string::npos) << message;
    for (const char* part : misfit.parts) {
      EXPECT_THAT(message, HasSubstr(part));
    }
  }
}

TEST(GraphBuilder, LeavesOutWhatTheOutputDoesNotHangOn) {
  GraphBuilder builder("net", {4});
  const ValueId a = builder.add({"linear", "a", {{"out_features", 3}}, {GraphBuilder::kInput}});
  builder.add({"linear", "b", {{"out_features", 2}}, {a}});
  builder.add({"parameter", "p", {{"shape", std::vector<std::int64_t>{3}}}, {}});
  const ValueId c = builder.add({"linear", "c", {{"out_features", 5}}, {a}});
  EXPECT_EQ(builder.shape(c), Shape{5});
  const Graph graph = builder.finish(c);
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.nodes[1].name, "c");
  EXPECT_EQ(graph.values.size(), 3U);
  EXPECT_EQ(graph.values[graph.output].producer, NodeId{1});
  EXPECT_THAT(parameter_names(graph), ElementsAre("a.weight", "a.bias", "c.weight", "c.bias"));
  EXPECT_THAT(graph.nodes[1].parameters, ElementsAre(2, 3));
}

TEST(GraphBuilder, TiesParametersOfOneName) {
  GraphBuilder builder("net", {4});
  const ValueId a = builder.add({"linear", "a", {{"out_features", 4}}, {GraphBuilder::kInput}});
  const ValueId b = builder.add({"linear", "b", {{"out_features", 4}}, {a}, {{"weight", "a.weight"}}});
  const Graph graph = builder.finish(b);
  EXPECT_THAT(parameter_names(graph), ElementsAre("a.weight", "a.bias", "b.bias"));
  EXPECT_EQ(graph.nodes[0].parameters[0], graph.nodes[1].parameters[0]);
  EXPECT_EQ(nodes_of_parameters(graph), (std::vector<std::vector<NodeId>>{{0, 1}, {0}, {1}}));
  EXPECT_THAT(message_of<InputError>([&] {
                builder.add({"linear", "c", {{"out_features", 3}}, {b}, {{"weight", "a.weight"}}});
              }),
              HasSubstr("its weight 'a.weight' of 3x4 is the weight of 4x4 of another node"));
  EXPECT_THAT(message_of<InputError>([&] {
                builder.add({"linear", "d", {{"out_features", 4}}, {b}, {{"bias", "a.weight"}}});
              }),
              HasSubstr("tied parameters must have one shape and role"));
}

TEST(Graph, SaysWhoReadsAValueAndWhatDependsOnParameters) {
  GraphBuilder builder("net", {4});
  const ValueId a = builder.add({"tanh", "a", {}, {GraphBuilder::kInput}});
  const ValueId p =
      builder.add({"parameter", "p", {{"shape", std::vector<std::int64_t>{4}}, {"role", "constant"}}, {}});
  const ValueId b = builder.add({"mul", "b", {}, {a, p}});
  const ValueId c = builder.add({"linear", "c", {{"out_features", 4}}, {b}});
  const ValueId d = builder.add({"add", "d", {}, {c, c}});
  const Graph graph = builder.finish(d);
  EXPECT_EQ(users_of(graph), (std::vector<std::vector<NodeId>>{{0}, {2}, {2}, {3}, {4, 4}, {}}));
  EXPECT_EQ(depends_on_parameters(graph), (std::vector<bool>{false, false, false, false, true, true}))
      << "constants are no parameters to train";
}

TEST(Shapes, AreWrittenWithTimes) {
  EXPECT_EQ(to_string({3, 32, 32}), "3x32x32");
  EXPECT_EQ(to_string({784}), "784");
  EXPECT_EQ(to_string(Shape{}), "");
  EXPECT_EQ(entries({3, 32, 32}), 3072);
  EXPECT_EQ(entries({}), 1);
}

}  // namespace
}  // namespace ntt
