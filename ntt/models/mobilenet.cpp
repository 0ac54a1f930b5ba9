// Separable convolutions. Names are torchvision's.

#include <fmt/format.h>

#include "ntt/models/architectures.h"

namespace ntt {
namespace {

/// Convolution, batch norm and an activation that ends at 6.
void conv_relu6(LayerStack& net, const std::string& name, const PaddedConv& conv) {
  net.conv(name + ".0", conv).batch_norm(name + ".1").add("clip", {{"min", 0.0}, {"max", 6.0}}, name + ".2");
}

/// Widens, filters each channel on its own, and narrows without an activation.
void inverted_residual(LayerStack& net, std::int64_t expansion, std::int64_t out, std::int64_t stride) {
  const ValueId input = net.value();
  const std::int64_t in = net.shape()[0];
  const std::int64_t hidden = expansion * in;
  int index = 0;
  const auto next = [&] { return fmt::format("conv.{}", index++); };
  if (expansion != 1) {
    conv_relu6(net, next(), {hidden, 1});
  }
  conv_relu6(net, next(), {hidden, 3, stride, hidden});
  net.conv(next(), {out, 1}).batch_norm(next());
  if (stride == 1 && in == out) {
    net.plus(input);
  }
}

/// Blocks of one width, of which the first may reduce the image.
struct Stage {
  std::int64_t expansion;
  std::int64_t out;
  int blocks;
  std::int64_t stride;
  std::int64_t small_stride;  ///< in small images
};

}  // namespace

void mobilenet_v2(LayerStack& net, std::int64_t classes) {
  constexpr std::array<Stage, 7> kStages{{{1, 16, 1, 1, 1},
                                          {6, 24, 2, 2, 1},
                                          {6, 32, 3, 2, 2},
                                          {6, 64, 4, 2, 2},
                                          {6, 96, 3, 1, 1},
                                          {6, 160, 3, 2, 2},
                                          {6, 320, 1, 1, 1}}};
  const bool small = is_small(net.shape());
  conv_relu6(net, "features.0", {32, 3, small ? 1 : 2});
  int index = 1;
  for (const Stage& stage : kStages) {
    for (int i = 0; i < stage.blocks; ++i) {
      net.within(fmt::format("features.{}.", index++));
      const std::int64_t first_stride = small ? stage.small_stride : stage.stride;
      inverted_residual(net, stage.expansion, stage.out, i == 0 ? first_stride : 1);
    }
  }
  net.within("");
  conv_relu6(net, fmt::format("features.{}", index), {1280, 1});
  net.mean_of_channels("avgpool").linear(classes, "classifier.1");
}

}  // namespace ntt
