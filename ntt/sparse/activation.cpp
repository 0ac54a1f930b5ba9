#include "ntt/sparse/activation.h"

#include <limits>

namespace ntt {
namespace {

float number_or(const Node& node, std::string_view key, double otherwise) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) {
    return static_cast<float>(otherwise);
  }
  const auto* whole = std::get_if<std::int64_t>(&found->second);
  return static_cast<float>(whole != nullptr ? static_cast<double>(*whole) : std::get<double>(found->second));
}

}  // namespace

std::optional<Activation> activation_of(const Node& node) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  using Kind = Activation::Kind;
  Activation activation;
  if (node.type == "relu") {
    activation.low = 0;
  } else if (node.type == "clip") {
    activation.low = number_or(node, "min", -kInfinity);
    activation.high = number_or(node, "max", kInfinity);
  } else if (node.type == "leaky-relu") {
    activation.kind = Kind::leaky_relu;
    activation.slope = number_or(node, "slope", 0.01);
  } else if (node.type == "hard-sigmoid") {
    activation.kind = Kind::hard_sigmoid;
    activation.slope = number_or(node, "slope", 1.0 / 6);
    activation.offset = number_or(node, "offset", 0.5);
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
