#include "ntt/models/zoo.h"

#include <fmt/ranges.h>

#include "ntt/core/error.h"
#include "ntt/models/architectures.h"

namespace ntt {
namespace {

/// Layer sizes as in the published code: convolutions and pools without padding.
void lenet_300_100(LayerStack& net, std::int64_t classes) {
  net.flatten().linear(300).relu().linear(100).relu().linear(classes);
}

void lenet_5_caffe(LayerStack& net, std::int64_t classes) {
  net.conv(20, 5).relu().max_pool(2).conv(50, 5).relu().max_pool(2).flatten().linear(500).relu().linear(classes);
}

void conv_4(LayerStack& net, std::int64_t classes) {
  net.conv(64, 3).relu().conv(64, 3).relu().max_pool(2);
  net.conv(128, 3).relu().conv(128, 3).relu().max_pool(2);
  net.flatten().linear(512).relu().linear(classes);
}

template <int Blocks>
void resnet_for_cifar(LayerStack& net, std::int64_t classes) {
  resnet_for_cifar(net, classes, Blocks);
}

struct Model {
  const char* name;
  void (*build)(LayerStack& net, std::int64_t classes);
  Shape published_input;
};

const std::vector<Model>& models() {
  static const std::vector<Model> kModels{
      {"lenet-300-100", lenet_300_100, {1, 28, 28}},
      {"lenet-5-caffe", lenet_5_caffe, {1, 28, 28}},
      {"conv-4", conv_4, {3, 32, 32}},
      {"resnet-20", resnet_for_cifar<3>, {3, 32, 32}},
      {"resnet-32", resnet_for_cifar<5>, {3, 32, 32}},
      {"resnet-56", resnet_for_cifar<9>, {3, 32, 32}},
      {"wide-resnet-16-4", wide_resnet_16_4, {3, 32, 32}},
      {"resnet-18", resnet_18, {3, 32, 32}},
      {"resnet-50", resnet_50, {3, 224, 224}},
      {"vgg-16-bn", vgg_16_bn, {3, 32, 32}},
      {"vgg-19-bn", vgg_19_bn, {3, 32, 32}},
      {"mobilenet-v2", mobilenet_v2, {3, 224, 224}},
      {"vit-tiny", vit_tiny, {3, 224, 224}},
  };
  return kModels;
}

const Model& find(const std::string& name) {
  for (const Model& model : models()) {
    if (model.name == name) {
      return model;
    }
  }
  fail_input("there is no model '{}'; known are {} and files ending in .toml or .onnx", name,
             fmt::join(zoo_models(), ", "));
}

}  // namespace

std::vector<std::string> zoo_models() {
  std::vector<std::string> names;
  for (const Model& model : models()) {
    names.emplace_back(model.name);
  }
  return names;
}

Graph zoo_model(const std::string& name, const Shape& input, std::int64_t classes) {
  const Model& model = find(name);
  LayerStack net(name, input);
  try {
    if (input.size() != 3 && model.build != lenet_300_100) {
      fail_input("it takes images of channels x height x width");
    }
    model.build(net, classes);
  } catch (const InputError& error) {
    fail_input("model '{}' does not fit inputs of {}: {}", name, to_string(input), error.what());
  }
  return net.finish();
}

Shape published_input(const std::string& name) {
  return find(name).published_input;
}

}  // namespace ntt
