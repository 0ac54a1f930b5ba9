#include "ntt/models/layer_stack.h"

#include <fmt/format.h>

#include <utility>

#include "ntt/ops/registry.h"

namespace ntt {

LayerStack::LayerStack(std::string name, Shape input) : builder_(std::move(name), std::move(input)) {}

LayerStack& LayerStack::within(std::string prefix) {
  prefix_ = std::move(prefix);
  return *this;
}

std::string LayerStack::full_name(const std::string& type, const std::string& name) {
  if (!name.empty()) {
    return prefix_ + name;
  }
  const std::string stem = prefix_ + std::string(find_operator_type(type).stem);
  return fmt::format("{}{}", stem, ++counts_[stem]);
}

LayerStack& LayerStack::add(const std::string& type, Attributes attributes, const std::string& name) {
  return add(type, std::move(attributes), name, {value_});
}

LayerStack& LayerStack::add(const std::string& type, Attributes attributes, const std::string& name,
                            const std::vector<ValueId>& inputs) {
  value_ = builder_.add({type, full_name(type, name), std::move(attributes), inputs});
  return *this;
}

LayerStack& LayerStack::linear(std::int64_t out, const std::string& name) {
  return add("linear", {{"out_features", out}}, name);
}

LayerStack& LayerStack::conv(std::int64_t out, std::int64_t kernel) {
  return add("conv2d", {{"out_channels", out}, {"kernel", kernel}});
}

LayerStack& LayerStack::conv(const std::string& name, const PaddedConv& conv) {
  Attributes attributes{{"out_channels", conv.out}, {"kernel", conv.kernel}};
  if (conv.stride != 1) {
    attributes["stride"] = conv.stride;
  }
  if (conv.kernel != 1) {
    attributes["padding"] = conv.kernel / 2;
  }
  if (conv.groups != 1) {
    attributes["groups"] = conv.groups;
  }
  if (!conv.bias) {
    attributes["bias"] = false;
  }
  return add("conv2d", std::move(attributes), name);
}

LayerStack& LayerStack::max_pool(std::int64_t kernel, const std::string& name) {
  return add("max-pool", {{"kernel", kernel}}, name);
}

LayerStack& LayerStack::mean_of_channels(const std::string& name) {
  return add("reduce-mean", {{"axes", std::vector<std::int64_t>{1, 2}}}, name);
}

LayerStack& LayerStack::parameter(const std::string& name, const Shape& shape) {
  const std::string full = full_name("parameter", name);
  value_ = builder_.add({"parameter", full, {{"shape", shape}, {"role", std::string("shift")}}, {}, {{"value", full}}});
  return *this;
}

LayerStack& LayerStack::from(ValueId value) {
  value_ = value;
  return *this;
}

}  // namespace ntt
