#include "tests/support/networks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "ntt/core/random.h"

namespace ntt::testing_support {
namespace {

using Layers = std::vector<LayerSpec>;

LayerSpec plain(const char* type) {
  return {type, "", {}, {}, {}};
}
LayerSpec linear(std::int64_t out) {
  return {"linear", "", {{"out_features", out}}, {}, {}};
}
LayerSpec conv(std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t padding = 0) {
  return {"conv2d", "", {{"out_channels", out}, {"kernel", kernel}, {"stride", stride}, {"padding", padding}}, {}, {}};
}
LayerSpec pool(const char* type, std::int64_t kernel, std::int64_t stride) {
  return {type, "", {{"kernel", kernel}, {"stride", stride}}, {}, {}};
}
LayerSpec residual(Layers body, Layers shortcut = {}) {
  return {"residual", "", {}, std::move(body), std::move(shortcut)};
}

std::vector<NetworkSpec> make_networks() {
  const LayerSpec relu = plain("relu");
  const LayerSpec tanh = plain("tanh");
  const LayerSpec gelu = plain("gelu");
  const LayerSpec flatten = plain("flatten");
  return {
      {"one-linear", {5}, {linear(3)}},
      {"mlp", {6}, {linear(7), relu, linear(5), relu, linear(3)}},
      {"mlp-linear", {4}, {linear(5), linear(4), linear(3)}},
      {"mlp-tanh", {5}, {linear(6), tanh, linear(5), tanh, linear(3)}},
      {"mlp-gelu", {5}, {linear(6), gelu, linear(5), gelu, linear(3)}},
      {"curved-ends", {5}, {gelu, linear(4), tanh, linear(3), tanh}},
      {"flatten-first", {2, 3, 2}, {flatten, linear(5), relu, linear(3)}},
      {"lenet",
       {1, 10, 10},
       {conv(3, 3), relu, pool("max-pool", 2, 2), conv(4, 3), relu, pool("max-pool", 2, 2), flatten, linear(6), relu,
        linear(3)}},
      {"strided", {2, 7, 6}, {conv(3, 3, 2, 1), tanh, conv(3, 2, 1, 1), relu, conv(2, 1, 2), flatten, linear(3)}},
      {"one-position", {3, 4, 5}, {conv(6, 3, 1, 1), gelu, conv(12, 4, 2), relu, conv(3, 1), flatten}},
      {"overlapping-pools",
       {2, 12, 11},
       {pool("average-pool", 2, 1), conv(3, 2), gelu, pool("max-pool", 3, 2), conv(3, 2), tanh,
        pool("average-pool", 2, 1), flatten, linear(3)}},
      {"average",
       {2, 13, 12},
       {conv(3, 2), relu, pool("average-pool", 2, 3), conv(4, 2), pool("average-pool", 2, 1), flatten, linear(3)}},
      {"residual-mlp",
       {4},
       {residual({linear(4), tanh}), relu, residual({linear(6), gelu, linear(5)}, {linear(5)}),
        residual({linear(5), residual({tanh, linear(5)})}), linear(3)}},
      {"residual-ends", {3}, {residual({linear(4), relu, linear(3)}), residual({tanh, linear(3)})}},
      {"residual-cnn",
       {2, 6, 5},
       {conv(3, 3, 1, 1), relu, residual({conv(3, 3, 1, 1), tanh, conv(3, 3, 1, 1)}), relu,
        residual({conv(4, 3, 2, 1), relu}, {conv(4, 1, 2)}), pool("max-pool", 2, 1), flatten, linear(3)}},
  };
}

}  // namespace

const std::vector<NetworkSpec>& small_networks() {
  static const std::vector<NetworkSpec> networks = make_networks();
  return networks;
}

const NetworkSpec& small_network(const std::string& name) {
  for (const NetworkSpec& spec : small_networks()) {
    if (spec.name == name) {
      return spec;
    }
  }
  throw std::logic_error("no small network is named " + name);
}

std::vector<std::string> small_network_names() {
  std::vector<std::string> names;
  for (const NetworkSpec& spec : small_networks()) {
    names.push_back(spec.name);
  }
  return names;
}

std::string as_identifier(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Network draw(const NetworkSpec& spec, std::uint64_t seed, at::ScalarType dtype) {
  Network network = Network::random(spec, seed, "test-network", dtype);
  for (Parameter* parameter : network.parameters()) {
    if (!parameter->prunable) {
      parameter->value.mul_(20);
      parameter->refresh();
    }
  }
  return network;
}

at::Tensor draw_inputs(const NetworkSpec& spec, std::int64_t count, std::uint64_t seed, at::ScalarType dtype) {
  RandomStream stream(seed, "test-inputs");
  return random_normal(stream, spec.batch_shape(count), 1.0, dtype);
}

void mask_at_random(Network& network, double density, std::uint64_t seed) {
  RandomStream stream(seed, "test-mask");
  for (Parameter* parameter : network.parameters()) {
    if (!parameter->prunable) {
      continue;
    }
    at::Tensor mask = at::empty(parameter->value.sizes(), at::kDouble);
    auto* entries = mask.data_ptr<double>();
    for (std::int64_t i = 0; i < mask.numel(); ++i) {
      entries[i] = stream.uniform() < density ? 1 : 0;
    }
    parameter->set_mask(mask.to(parameter->value.scalar_type()));
  }
}

bool identical(const Network& a, const Network& b) {
  const auto same = [](const at::Tensor& x, const at::Tensor& y) {
    return x.defined() == y.defined() && (!x.defined() || at::equal(x, y));
  };
  bool all = a.parameters().size() == b.parameters().size();
  for (std::size_t i = 0; all && i < a.parameters().size(); ++i) {
    const Parameter& x = *a.parameters()[i];
    const Parameter& y = *b.parameters()[i];
    all = same(x.value, y.value) && same(x.mask, y.mask) && same(x.effective, y.effective);
  }
  return all;
}

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  return relative_error(std::vector<at::Tensor>{actual}, std::vector<at::Tensor>{expected});
}

double relative_error(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected) {
  constexpr double kFailed = std::numeric_limits<double>::infinity();
  if (actual.size() != expected.size()) {
    return kFailed;
  }
  double largest = 0;
  for (const at::Tensor& tensor : expected) {
    largest = std::max(largest, tensor.abs().max().item<double>());
  }
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i].sizes() != expected[i].sizes() || !at::isfinite(actual[i]).all().item<bool>()) {
      return kFailed;
    }
    const double scale = std::max(expected[i].abs().max().item<double>(), 1e-3 * largest);
    const double difference = (actual[i].to(at::kDouble) - expected[i].to(at::kDouble)).abs().max().item<double>();
    worst = std::max(worst, difference == 0 ? 0 : difference / scale);
  }
  return worst;
}

}  // namespace ntt::testing_support
