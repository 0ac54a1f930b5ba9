// Residual networks. Names are torchvision's.

#include <fmt/format.h>

#include "ntt/models/architectures.h"

namespace ntt {
namespace {

/// One residual block of the layers that it is called within.
using Block = void (*)(LayerStack& net, std::int64_t width, std::int64_t stride);

/// Adds the block's input, through a convolution where its shape is another, and activates.
void add_shortcut(LayerStack& net, ValueId input, std::int64_t stride) {
  const ValueId body = net.value();
  const Shape shape = net.shape();
  if (net.from(input).shape() != shape) {
    net.conv("downsample.0", {shape[0], 1, stride}).batch_norm("downsample.1");
  }
  const ValueId shortcut = net.value();
  net.from(body).plus(shortcut).relu();
}

void basic_block(LayerStack& net, std::int64_t width, std::int64_t stride) {
  const ValueId input = net.value();
  net.conv("conv1", {width, 3, stride}).batch_norm("bn1").relu();
  net.conv("conv2", {width}).batch_norm("bn2");
  add_shortcut(net, input, stride);
}

void bottleneck(LayerStack& net, std::int64_t width, std::int64_t stride) {
  constexpr std::int64_t kExpansion = 4;
  const ValueId input = net.value();
  net.conv("conv1", {width, 1}).batch_norm("bn1").relu();
  net.conv("conv2", {width, 3, stride}).batch_norm("bn2").relu();
  net.conv("conv3", {kExpansion * width, 1}).batch_norm("bn3");
  add_shortcut(net, input, stride);
}

/// Activations come first, so that the shortcut of a block that changes the shape reads the activated input.
void pre_activation_block(LayerStack& net, std::int64_t width, std::int64_t stride) {
  ValueId shortcut = net.value();
  const bool changes_shape = stride != 1 || net.shape()[0] != width;
  net.batch_norm("bn1").relu();
  const ValueId activated = net.value();
  net.conv("conv1", {width, 3, stride}).batch_norm("bn2").relu().conv("conv2", {width});
  if (changes_shape) {
    const ValueId body = net.value();
    shortcut = net.from(activated).conv("downsample", {width, 1, stride}).value();
    net.from(body);
  }
  net.plus(shortcut);
}

/// Stages of `blocks` blocks each; all but the first halve the image and double the width.
void stages(LayerStack& net, Block block, std::int64_t width, const std::vector<int>& blocks) {
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    for (int i = 0; i < blocks[stage]; ++i) {
      net.within(fmt::format("layer{}.{}.", stage + 1, i));
      block(net, width, stage > 0 && i == 0 ? 2 : 1);
    }
    width *= 2;
  }
  net.within("");
}

void classify(LayerStack& net, std::int64_t classes) {
  net.mean_of_channels("avgpool").linear(classes, "fc");
}

void imagenet_resnet(LayerStack& net, std::int64_t classes, Block block, const std::vector<int>& blocks) {
  constexpr std::int64_t kWidth = 64;
  if (is_small(net.shape())) {
    net.conv("conv1", {kWidth}).batch_norm("bn1").relu();
  } else {
    net.conv("conv1", {kWidth, 7, 2}).batch_norm("bn1").relu();
    net.add("max-pool", {{"kernel", 3L}, {"stride", 2L}, {"padding", 1L}}, "maxpool");
  }
  stages(net, block, kWidth, blocks);
  classify(net, classes);
}

}  // namespace

void resnet_for_cifar(LayerStack& net, std::int64_t classes, int blocks) {
  constexpr std::int64_t kWidth = 16;
  net.conv("conv1", {kWidth}).batch_norm("bn1").relu();
  stages(net, basic_block, kWidth, {blocks, blocks, blocks});
  classify(net, classes);
}

void resnet_18(LayerStack& net, std::int64_t classes) {
  imagenet_resnet(net, classes, basic_block, {2, 2, 2, 2});
}

void resnet_50(LayerStack& net, std::int64_t classes) {
  imagenet_resnet(net, classes, bottleneck, {3, 4, 6, 3});
}

void wide_resnet_16_4(LayerStack& net, std::int64_t classes) {
  constexpr std::int64_t kWidth = 16;
  constexpr std::int64_t kWiden = 4;
  net.conv("conv1", {kWidth});
  stages(net, pre_activation_block, kWiden * kWidth, {2, 2, 2});
  net.batch_norm("bn1").relu();
  classify(net, classes);
}

}  // namespace ntt
