#pragma once

#include <algorithm>

#include "ntt/models/layer_stack.h"

namespace ntt {

/// Inputs up to this side are small images, as in CIFAR and Tiny ImageNet: networks begin without reducing them.
constexpr std::int64_t kSmallImage = 64;

inline bool is_small(const Shape& image) {
  return std::max(image[1], image[2]) <= kSmallImage;
}

/// He et al., CVPR 2016: 6 n + 2 layers of 16, 32 and 64 channels, with n = `blocks` in each; shortcuts are
/// convolutions where shapes change.
void resnet_for_cifar(LayerStack& net, std::int64_t classes, int blocks);
/// torchvision's of 18 and 50 layers; small images begin with a 3x3 convolution and no pooling.
void resnet_18(LayerStack& net, std::int64_t classes);
void resnet_50(LayerStack& net, std::int64_t classes);
/// Zagoruyko & Komodakis, BMVC 2016: 16 layers, 4 times as wide, activations before convolutions.
void wide_resnet_16_4(LayerStack& net, std::int64_t classes);

/// torchvision's with batch norm; small images end in the means of the channels and one linear layer, and pools that
/// nothing is left for are left out.
void vgg_16_bn(LayerStack& net, std::int64_t classes);
void vgg_19_bn(LayerStack& net, std::int64_t classes);
/// torchvision's (Sandler et al., CVPR 2018); small images are reduced to an eighth, not to a thirty-second.
void mobilenet_v2(LayerStack& net, std::int64_t classes);

/// timm's (Touvron et al., ICML 2021): 12 blocks of 192 features and 3 heads, patches of 16 pixels, of 4 in small
/// images.
void vit_tiny(LayerStack& net, std::int64_t classes);

}  // namespace ntt
