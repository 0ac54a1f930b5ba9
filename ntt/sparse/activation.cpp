#include "ntt/sparse/activation.h"

#include <limits>

#include "ntt/ops/attributes.h"

namespace ntt {

std::optional<Activation> activation_of(const Node& node) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  using Kind = Activation::Kind;
  Activation activation;
  const auto number_or = [&](std::string_view key, double otherwise) {
    return static_cast<float>(Settings(node.type, {node.attributes, {}}).number_or(key, otherwise));
  };
  if (node.type == "relu") {
    activation.low = 0;
  } else if (node.type == "clip") {
    activation.low = number_or("min", -kInfinity);
    activation.high = number_or("max", kInfinity);
  } else if (node.type == "leaky-relu") {
    activation.kind = Kind::leaky_relu;
    activation.slope = number_or("slope", 0.01);
  } else if (node.type == "hard-sigmoid") {
    activation.kind = Kind::hard_sigmoid;
    activation.slope = number_or("slope", 1.0 / 6);
    activation.offset = number_or("offset", 0.5);
  } else if (node.type == "hard-swish") {
    activation.kind = Kind::hard_swish;
  } else if (node.type == "sigmoid") {
    activation.kind = Kind::sigmoid;
  } else if (node.type == "silu") {
    activation.kind = Kind::silu;
  } else if (node.type == "tanh") {
    activation.kind = Kind::tanh;
  } else {
    return std::nullopt;
  }
  return activation;
}

}  // namespace ntt
