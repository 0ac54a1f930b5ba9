#include "ntt/models/zoo.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/models/network_toml.h"
#include "ntt/nn/network.h"
#include "ntt/ops/registry.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

const Shape kCifar{3, 32, 32};
const Shape kImageNet{3, 224, 224};

/// The entries of the trained parameters: what torchvision counts.
std::int64_t trained_entries(const Graph& graph) {
  std::int64_t count = 0;
  for (const ParameterSpec& parameter : graph.parameters) {
    count += is_trained(parameter.role) ? entries(parameter.shape) : 0;
  }
  return count;
}

std::vector<std::string> parameter_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : graph.parameters) {
    names.push_back(parameter.name);
  }
  return names;
}

/// The message that a model is refused with.
std::string refusal(const std::string& model, const Shape& input) {
  try {
    zoo_model(model, input, 10);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// A model's name as a test can have it.
std::string word(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

struct Count {
  std::string model;
  Shape input;
  std::int64_t classes;
  std::int64_t parameters;
};

class ZooCounts : public ::testing::TestWithParam<Count> {};

TEST_P(ZooCounts, AreThePublishedOnes) {
  const Count& count = GetParam();
  EXPECT_EQ(trained_entries(zoo_model(count.model, count.input, count.classes)), count.parameters);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, ZooCounts,
    ::testing::Values(
        // First convolution and its batch norm 3*16*9 + 2*16 = 464; layer1 has 6 of 16*16*9 + 2*16, 14016 in all;
        // layer2 one of 16*32*9 + 2*32, 5 of 32*32*9 + 2*32 and a shortcut of 16*32 + 2*32, 51648; layer3 likewise,
        // 205696; classifier 64*10 + 10 = 650.
        Count{"resnet-20", kCifar, 10, 464 + 14016 + 51648 + 205696 + 650},
        // Two more blocks of 2 such convolutions in each of the three stages; six more for resnet-56.
        Count{"resnet-32", kCifar, 10, 272474 + 4 * (2336 + 9280 + 36992)},
        Count{"resnet-56", kCifar, 10, 272474 + 12 * (2336 + 9280 + 36992)},
        // 432; then per stage its two blocks with their batch norms and the shortcut that changes the width; 512 of the
        // last batch norm; 256*10 + 10.
        Count{"wide-resnet-16-4", kCifar, 10, 432 + 121248 + 525184 + 2098944 + 512 + 2570},
        Count{"resnet-18", kImageNet, 1000, 11'689'512}, Count{"resnet-50", kImageNet, 1000, 25'557'032},
        Count{"vgg-16-bn", kImageNet, 1000, 138'365'992}, Count{"vgg-19-bn", kImageNet, 1000, 143'678'248},
        Count{"mobilenet-v2", kImageNet, 1000, 3'504'872}, Count{"vit-tiny", kImageNet, 1000, 5'717'416}),
    [](const auto& tested) { return word(tested.param.model); });

TEST(Zoo, ResNetsHaveTorchvisionsNames) {
  EXPECT_THAT(parameter_names(zoo_model("resnet-20", kCifar, 10)),
              IsSupersetOf({"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
                            "layer2.0.downsample.1.bias", "layer3.2.bn2.weight", "fc.weight", "fc.bias"}));
  EXPECT_THAT(parameter_names(zoo_model("resnet-50", kImageNet, 10)),
              IsSupersetOf({"layer1.0.downsample.0.weight", "layer4.2.conv3.weight", "layer4.2.bn3.running_var"}));
}

TEST(Zoo, OtherNetworksHaveTheNamesOfTheirLibraries) {
  EXPECT_THAT(parameter_names(zoo_model("vgg-16-bn", kImageNet, 10)),
              IsSupersetOf({"features.0.weight", "features.1.running_var", "features.40.bias", "classifier.6.weight"}));
  EXPECT_THAT(parameter_names(zoo_model("vgg-16-bn", kCifar, 10)),
              IsSupersetOf({"features.40.bias", "features.41.weight", "classifier.weight"}));
  EXPECT_THAT(parameter_names(zoo_model("mobilenet-v2", kCifar, 10)),
              IsSupersetOf({"features.0.0.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight",
                            "features.17.conv.1.1.running_mean", "features.18.1.bias", "classifier.1.bias"}));
  EXPECT_THAT(parameter_names(zoo_model("vit-tiny", kCifar, 10)),
              IsSupersetOf({"cls_token", "pos_embed", "patch_embed.proj.bias", "blocks.0.norm1.weight",
                            "blocks.11.attn.qkv.weight", "blocks.11.mlp.fc2.bias", "norm.bias", "head.weight"}));
}

struct Fit {
  std::string model;
  std::vector<Shape> inputs;
};

class ZooFits : public ::testing::TestWithParam<Fit> {};

TEST_P(ZooFits, InputsOfItsSizesAndGoesThroughToml) {
  constexpr std::int64_t kClasses = 7;
  for (const Shape& input : GetParam().inputs) {
    SCOPED_TRACE(to_string(input));
    const Graph graph = zoo_model(GetParam().model, input, kClasses);
    EXPECT_EQ(graph.output_shape(), Shape{kClasses});
    EXPECT_EQ(parse_network_toml(to_toml(graph), "zoo.toml"), graph);
    if (entries(input) <= entries(kCifar)) {
      const Network network = Network::random(graph, 1);
      const at::Tensor outputs = network.predict(at::randn(graph.batch_shape(2)));
      EXPECT_EQ(outputs.sizes().vec(), (Shape{2, kClasses}));
      EXPECT_TRUE(outputs.isfinite().all().item<bool>());
    }
  }
}

const std::vector<Shape> kImages{{1, 28, 28}, {3, 32, 32}, {3, 64, 64}, {3, 224, 224}};

INSTANTIATE_TEST_SUITE_P(Zoo, ZooFits,
                         ::testing::Values(Fit{"lenet-300-100", {{1, 28, 28}, {3, 32, 32}, {12}}},
                                           Fit{"lenet-5-caffe", kImages}, Fit{"conv-4", {{1, 28, 28}, {3, 32, 32}}},
                                           Fit{"resnet-20", kImages}, Fit{"wide-resnet-16-4", kImages},
                                           Fit{"resnet-18", kImages}, Fit{"resnet-50", kImages},
                                           Fit{"vgg-16-bn", kImages}, Fit{"vgg-19-bn", {{3, 32, 32}, {3, 300, 96}}},
                                           Fit{"mobilenet-v2", kImages}, Fit{"vit-tiny", kImages}),
                         [](const auto& tested) { return word(tested.param.model); });

TEST(Zoo, ParametersAreThoseThatTheOperatorTableLists) {
  for (const std::string& model : zoo_models()) {
    const Graph graph = zoo_model(model, published_input(model), 10);
    for (const Node& node : graph.nodes) {
      for (const ParameterRule& rule : make_operator(graph, node)->parameters()) {
        EXPECT_THAT(std::string(find_operator_type(node.type).parameters), HasSubstr(std::string(rule.suffix)))
            << node.type;
      }
    }
  }
}

TEST(Zoo, SmallImagesAreNotReducedAtTheStart) {
  const auto first_convolution = [](const Shape& input) { return zoo_model("resnet-18", input, 10).values[1].shape; };
  EXPECT_EQ(first_convolution({3, 64, 64}), (Shape{64, 64, 64}));
  EXPECT_EQ(first_convolution({3, 96, 96}), (Shape{64, 48, 48}));
}

TEST(Zoo, RefusesWhatDoesNotFit) {
  EXPECT_EQ(refusal("lenet-5-caffe", {1, 4, 4}),
            "model 'lenet-5-caffe' does not fit inputs of 1x4x4: its kernel of 5x5 with dilation 1x1 does not fit into "
            "its input of 1x4x4 with padding 0x0x0x0");
  EXPECT_EQ(refusal("resnet-20", {12}),
            "model 'resnet-20' does not fit inputs of 12: it takes images of channels x height x width");
  EXPECT_EQ(refusal("vit-tiny", {3, 30, 32}),
            "model 'vit-tiny' does not fit inputs of 3x30x32: its patches of 4x4 do not divide the image");
  EXPECT_THAT(refusal("resnet-21", {3, 32, 32}), HasSubstr("there is no model 'resnet-21'; known are lenet-300-100"));
}

}  // namespace
}  // namespace ntt
