// A vision transformer. Names are timm's; timm's cls_token and pos_embed have an axis for the batch besides.

#include <fmt/format.h>

#include <cmath>

#include "ntt/core/error.h"
#include "ntt/models/architectures.h"

namespace ntt {
namespace {

constexpr std::int64_t kWidth = 192;
constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHeadWidth = kWidth / kHeads;
constexpr int kBlocks = 12;

using Axes = std::vector<std::int64_t>;

LayerStack& layer_norm(LayerStack& net, const std::string& name) {
  return net.add("layer-norm", {{"epsilon", 1e-6}}, name);
}

/// One of queries, keys and values out of [3, heads, tokens, head width]: [1, heads, tokens, head width].
ValueId part(LayerStack& net, ValueId all, const std::string& name, std::int64_t index) {
  return net.from(all).add("slice", {{"axis", 0L}, {"start", index}, {"end", index + 1}}, name).value();
}

/// [tokens, width] to the same: softmax(q kᵀ / √d) v of each head.
void attention(LayerStack& net) {
  const std::int64_t tokens = net.shape()[0];
  net.linear(3 * kWidth, "attn.qkv").add("reshape", {{"shape", Shape{tokens, 3, kHeads, kHeadWidth}}});
  const ValueId all = net.add("transpose", {{"axes", Axes{1, 2, 0, 3}}}).value();
  const ValueId query = part(net, all, "attn.q", 0);
  part(net, all, "attn.k", 1);
  const ValueId key = net.add("transpose", {{"axes", Axes{0, 1, 3, 2}}}).value();
  const ValueId value = part(net, all, "attn.v", 2);
  net.from(query).add("affine", {{"factor", 1 / std::sqrt(static_cast<double>(kHeadWidth))}});
  net.add("matmul", {}, "", {net.value(), key}).add("softmax");
  net.add("matmul", {}, "", {net.value(), value}).add("transpose", {{"axes", Axes{2, 0, 1, 3}}});
  net.add("reshape", {{"shape", Shape{tokens, kWidth}}}).linear(kWidth, "attn.proj");
}

void block(LayerStack& net) {
  constexpr std::int64_t kHidden = 4 * kWidth;
  const ValueId input = net.value();
  layer_norm(net, "norm1");
  attention(net);
  const ValueId middle = net.plus(input).value();
  layer_norm(net, "norm2").linear(kHidden, "mlp.fc1").add("gelu").linear(kWidth, "mlp.fc2").plus(middle);
}

/// [channels, height, width] to [1 + patches, width]: a token for the class and one a patch, with their positions.
void embed(LayerStack& net) {
  const std::int64_t patch = is_small(net.shape()) ? 4 : 16;
  if (net.shape()[1] % patch != 0 || net.shape()[2] % patch != 0) {
    fail_input("its patches of {0}x{0} do not divide the image", patch);
  }
  net.add("conv2d", {{"out_channels", kWidth}, {"kernel", patch}, {"stride", patch}}, "patch_embed.proj");
  net.add("reshape", {{"shape", Shape{kWidth, -1}}}).add("transpose", {{"axes", Axes{1, 0}}});
  const ValueId patches = net.value();
  const ValueId token = net.parameter("cls_token", {1, kWidth}).value();
  const ValueId tokens = net.add("concat", {{"axis", 0L}}, "", {token, patches}).value();
  net.parameter("pos_embed", net.shape()).plus(tokens);
}

}  // namespace

void vit_tiny(LayerStack& net, std::int64_t classes) {
  embed(net);
  for (int i = 0; i < kBlocks; ++i) {
    net.within(fmt::format("blocks.{}.", i));
    block(net);
  }
  layer_norm(net.within(""), "norm").add("slice", {{"axis", 0L}, {"start", 0L}, {"end", 1L}}, "class");
  net.flatten().linear(classes, "head");
}

}  // namespace ntt
