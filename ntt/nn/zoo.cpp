#include <fmt/ranges.h>

#include "ntt/core/error.h"
#include "ntt/nn/network.h"
#include "ntt/nn/network_spec.h"

namespace ntt {
namespace {

LayerSpec linear(std::int64_t out) {
  return {"linear", "", {{"out_features", out}}, {}, {}};
}
LayerSpec conv(std::int64_t out, std::int64_t kernel) {
  return {"conv2d", "", {{"out_channels", out}, {"kernel", kernel}}, {}, {}};
}
LayerSpec plain(const char* type) {
  return {type, "", {}, {}, {}};
}
LayerSpec max_pool() {
  return {"max-pool", "", {{"kernel", 2}}, {}, {}};
}

/// Layer sizes as in the published code: convolutions and pools without padding.
std::vector<LayerSpec> zoo_layers(const std::string& model, std::int64_t classes) {
  const LayerSpec relu = plain("relu");
  const LayerSpec flatten = plain("flatten");
  if (model == "lenet-300-100") {
    return {flatten, linear(300), relu, linear(100), relu, linear(classes)};
  }
  if (model == "lenet-5-caffe") {
    return {conv(20, 5), relu, max_pool(), conv(50, 5), relu, max_pool(), flatten, linear(500), relu, linear(classes)};
  }
  if (model == "conv-4") {
    return {conv(64, 3),  relu, conv(64, 3), relu,    max_pool(),  conv(128, 3), relu,
            conv(128, 3), relu, max_pool(),  flatten, linear(512), relu,         linear(classes)};
  }
  fail_input("there is no model '{}'; known are lenet-300-100, lenet-5-caffe, conv-4 and files ending in .toml", model);
}

}  // namespace

NetworkSpec find_model(const std::string& model, const Shape& input, std::int64_t classes) {
  if (!model.ends_with(".toml")) {
    return {model, input, zoo_layers(model, classes)};
  }
  NetworkSpec spec = read_network_toml(model);
  if (spec.input != input) {
    fail_input("network file '{}' is for inputs of {}, but the data's are {}", model, to_string(spec.input),
               to_string(input));
  }
  const std::int64_t outputs = Network(spec).outputs();
  if (outputs != classes) {
    fail_input("network file '{}' has {} outputs, but the data has {} classes", model, outputs, classes);
  }
  return spec;
}

NetworkSpec published_model(const std::string& model) {
  constexpr std::int64_t kClasses = 10;
  if (model.ends_with(".toml")) {
    return read_network_toml(model);
  }
  return find_model(model, model == "conv-4" ? Shape{3, 32, 32} : Shape{1, 28, 28}, kClasses);
}

}  // namespace ntt
