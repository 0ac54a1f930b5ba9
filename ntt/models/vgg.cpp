// Convolutions one after another. Names are torchvision's.

#include <fmt/format.h>

#include "ntt/models/architectures.h"

namespace ntt {
namespace {

/// Stages of so many convolutions, each with batch norm, and a pool after each stage. Their biases, which batch norm
/// makes idle, are torchvision's.
void features(LayerStack& net, const std::vector<int>& stages) {
  constexpr std::int64_t kMostChannels = 512;
  std::int64_t channels = 64;
  int index = 0;
  const auto next = [&] { return fmt::format("features.{}", index++); };
  for (const int convolutions : stages) {
    for (int i = 0; i < convolutions; ++i) {
      net.conv(next(), {.out = channels, .bias = true}).batch_norm(next()).add("relu", {}, next());
    }
    const std::string pool = next();
    if (std::min(net.shape()[1], net.shape()[2]) > 1) {
      net.max_pool(2, pool);
    }
    channels = std::min(2 * channels, kMostChannels);
  }
}

/// Means over windows, so that no side is longer than 7.
void pool_to_seven(LayerStack& net) {
  constexpr std::int64_t kSide = 7;
  const auto window = [](std::int64_t side) { return (side + kSide - 1) / kSide; };
  const std::vector<std::int64_t> windows{window(net.shape()[1]), window(net.shape()[2])};
  if (windows != std::vector<std::int64_t>{1, 1}) {
    net.add("average-pool", {{"kernel", windows}}, "avgpool");
  }
}

void vgg(LayerStack& net, std::int64_t classes, const std::vector<int>& stages) {
  constexpr std::int64_t kHidden = 4096;
  const bool small = is_small(net.shape());
  features(net, stages);
  if (small) {
    net.mean_of_channels("avgpool").linear(classes, "classifier");
    return;
  }
  pool_to_seven(net);
  net.flatten().linear(kHidden, "classifier.0").relu();
  net.linear(kHidden, "classifier.3").relu().linear(classes, "classifier.6");
}

}  // namespace

void vgg_16_bn(LayerStack& net, std::int64_t classes) {
  vgg(net, classes, {2, 2, 3, 3, 3});
}

void vgg_19_bn(LayerStack& net, std::int64_t classes) {
  vgg(net, classes, {2, 2, 4, 4, 4});
}

}  // namespace ntt
