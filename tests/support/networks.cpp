#include "tests/support/networks.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "ntt/core/random.h"
#include "ntt/models/network_toml.h"
#include "tests/support/operators.h"

namespace ntt::testing_support {
namespace {

/// Layers as a network file writes them.
using Layers = std::vector<std::string>;

std::string linear(int out, const std::string& others = "") {
  return fmt::format("{{type = 'linear', out_features = {}{}}}", out, others);
}
std::string conv(int out, int kernel, int stride = 1, int padding = 0, const std::string& others = "") {
  return fmt::format("{{type = 'conv2d', out_channels = {}, kernel = {}, stride = {}, padding = {}{}}}", out, kernel,
                     stride, padding, others);
}
std::string pool(const char* type, int kernel, int stride) {
  return fmt::format("{{type = '{}', kernel = {}, stride = {}}}", type, kernel, stride);
}
std::string residual(const Layers& body, const Layers& shortcut = {}) {
  return fmt::format("{{type = 'residual', body = [{}]{}}}", fmt::join(body, ", "),
                     shortcut.empty() ? "" : fmt::format(", shortcut = [{}]", fmt::join(shortcut, ", ")));
}
/// A type and its settings.
std::string layer(const char* type, const char* settings = "") {
  return fmt::format("{{type = '{}'{}{}}}", type, *settings == 0 ? "" : ", ", settings);
}

const std::string kRelu = layer("relu");
const std::string kTanh = layer("tanh");
const std::string kGelu = layer("gelu");
const std::string kFlatten = layer("flatten");
const std::string kBatchNorm = layer("batch-norm");
const char* const kNoBias = ", bias = false";

Graph network(const char* name, const Shape& input, const Layers& layers) {
  return parse_network_toml(
      fmt::format("name = '{}'\ninput = [{}]\nlayer = [{}]", name, fmt::join(input, ", "), fmt::join(layers, ",\n")),
      "small networks");
}

/// Pre-norm, with a class token and positions (Dosovitskiy et al., ICLR 2021); three tokens become four.
Layers transformer() {
  const auto head = [](const char* name, int first) {
    return fmt::format(
        "{{type = 'slice', name = '{0}3', inputs = ['qkv'], start = {1}, end = {2}}}, "
        "{{type = 'reshape', name = '{0}', shape = [2, 4, 3]}}",
        name, first, first + 1);
  };
  return {conv(6, 2, 2),
          layer("reshape", "shape = [6, 3]"),
          layer("transpose", "axes = [1, 0], name = 'patches'"),
          layer("parameter", "shape = [1, 6], name = 'class'"),
          layer("concat", "inputs = ['class', 'patches'], name = 'tokens'"),
          layer("parameter", "shape = [4, 6], name = 'positions'"),
          layer("add", "inputs = ['tokens', 'positions'], name = 'x'"),
          layer("layer-norm"),
          linear(18),
          layer("reshape", "shape = [4, 3, 2, 3]"),
          layer("transpose", "axes = [1, 2, 0, 3], name = 'qkv'"),
          head("q", 0),
          head("k", 1),
          head("v", 2),
          layer("transpose", "axes = [0, 2, 1], inputs = ['k'], name = 'kt'"),
          layer("matmul", "inputs = ['q', 'kt']"),
          layer("affine", "factor = 0.57735"),
          layer("softmax", "name = 'attention'"),
          layer("matmul", "inputs = ['attention', 'v']"),
          layer("transpose", "axes = [1, 0, 2]"),
          layer("reshape", "shape = [4, 6]"),
          linear(6, ", name = 'out'"),
          layer("add", "inputs = ['x', 'out']"),
          residual({layer("layer-norm"), linear(8), kGelu, linear(6)}),
          layer("layer-norm"),
          layer("slice", "end = 1"),
          kFlatten,
          linear(3)};
}

std::vector<Graph> make_networks() {
  return {
      network("one-linear", {5}, {linear(3)}),
      network("mlp", {6}, {linear(7), kRelu, linear(5), kRelu, linear(3)}),
      network("mlp-linear", {4}, {linear(5), linear(4), linear(3)}),
      network("mlp-tanh", {5}, {linear(6), kTanh, linear(5), kTanh, linear(3)}),
      network("mlp-gelu", {5}, {linear(6), kGelu, linear(5), kGelu, linear(3)}),
      network("curved-ends", {5}, {kGelu, linear(4), kTanh, linear(3), kTanh}),
      network("flatten-first", {2, 3, 2}, {kFlatten, linear(5), kRelu, linear(3)}),
      network("lenet", {1, 10, 10},
              {conv(3, 3), kRelu, pool("max-pool", 2, 2), conv(4, 3), kRelu, pool("max-pool", 2, 2), kFlatten,
               linear(6), kRelu, linear(3)}),
      network("strided", {2, 7, 6},
              {conv(3, 3, 2, 1), kTanh, conv(3, 2, 1, 1), kRelu, conv(2, 1, 2), kFlatten, linear(3)}),
      network("one-position", {3, 4, 5}, {conv(6, 3, 1, 1), kGelu, conv(12, 4, 2), kRelu, conv(3, 1), kFlatten}),
      network("overlapping-pools", {2, 12, 11},
              {pool("average-pool", 2, 1), conv(3, 2), kGelu, pool("max-pool", 3, 2), conv(3, 2), kTanh,
               pool("average-pool", 2, 1), kFlatten, linear(3)}),
      network(
          "average", {2, 13, 12},
          {conv(3, 2), kRelu, pool("average-pool", 2, 3), conv(4, 2), pool("average-pool", 2, 1), kFlatten, linear(3)}),
      network("residual-mlp", {4},
              {residual({linear(4), kTanh}), kRelu, residual({linear(6), kGelu, linear(5)}, {linear(5)}),
               residual({linear(5), residual({kTanh, linear(5)})}), linear(3)}),
      network("residual-ends", {3}, {residual({linear(4), kRelu, linear(3)}), residual({kTanh, linear(3)})}),
      network("residual-cnn", {2, 6, 5},
              {conv(3, 3, 1, 1), kRelu, residual({conv(3, 3, 1, 1), kTanh, conv(3, 3, 1, 1)}), kRelu,
               residual({conv(4, 3, 2, 1), kRelu}, {conv(4, 1, 2)}), pool("max-pool", 2, 1), kFlatten, linear(3)}),
      network("residual-bn", {2, 6, 5},
              {conv(3, 3, 1, 1, kNoBias), kBatchNorm, kRelu,
               residual({conv(3, 3, 1, 1, kNoBias), kBatchNorm, kTanh, conv(3, 3, 1, 1, kNoBias), kBatchNorm}), kRelu,
               residual({conv(4, 3, 2, 1, kNoBias), kBatchNorm}, {conv(4, 1, 2, 0, kNoBias), kBatchNorm}), kRelu,
               layer("reduce-mean", "axes = [1, 2], keep_axes = true"), kFlatten, linear(3)}),
      network("separable", {3, 6, 6},
              {layer("conv2d", "out_channels = 6, kernel = 3, groups = 3, padding = [1, 0, 0, 1]"),
               layer("clip", "min = -1, max = 1"), conv(4, 1, 1, 0, kNoBias), kBatchNorm, layer("silu"),
               conv(4, 3, 2, 1, ", groups = 4"), kRelu, conv(6, 1), layer("hard-sigmoid"),
               layer("reduce-mean", "axes = [-1, -2]"), linear(3)}),
      network(
          "concat", {2, 5, 4},
          {conv(3, 3, 1, 1, ", name = 'a'"), kTanh, conv(2, 1, 1, 0, ", name = 'b', inputs = ['a']"),
           layer("concat", "name = 'c', inputs = ['b', 'tanh1', 'input']"), kBatchNorm, kGelu,
           layer("slice", "name = 'd', start = 1, step = 2"), layer("slice", "name = 'e', start = -4, inputs = ['c']"),
           layer("concat", "inputs = ['e', 'd', 'e']"), conv(3, 2), kFlatten, linear(3)}),
      network("transformer", {1, 2, 6}, transformer()),
      network("tied", {4},
              {linear(5, ", name = 'a'"), kTanh, linear(5, ", name = 'b'"), kTanh,
               linear(5, ", name = 'c', weight = 'b.weight', bias = 'b.bias'"), kGelu,
               layer("parameter", "name = 'p', shape = [5], role = 'scale'"),
               layer("mul", "name = 'm', inputs = ['gelu1', 'p']"), linear(5, ", name = 'd', weight = 'b.weight'"),
               layer("parameter", "name = 'q', shape = [5], role = 'scale', value = 'p.value'"),
               layer("add", "inputs = ['d', 'q']"), kTanh, layer("add", "inputs = ['tanh3', 'p']"), linear(3)}),
      network("read-twice", {2, 3},
              {linear(4), kTanh, layer("mul", "name = 'square', inputs = ['tanh1', 'tanh1']"),
               layer("softplus", "inputs = ['tanh1']"), layer("div", "name = 'ratio', inputs = ['tanh1', 'softplus1']"),
               layer("concat", "name = 'all', inputs = ['square', 'ratio', 'square']"),
               layer("transpose", "axes = [1, 0]"), layer("matmul", "inputs = ['all', 'transpose1']"),
               layer("softmax", "axis = 0"), layer("sub", "inputs = ['softmax1', 'softmax1'], name = 'nothing'"),
               layer("add", "inputs = ['softmax1', 'nothing']"), kFlatten, linear(3)}),
      network("conv1d", {2, 9},
              {layer("conv1d", "out_channels = 4, kernel = 3, padding = [1, 0]"), kBatchNorm, kRelu,
               layer("max-pool", "kernel = 2"),
               layer("conv1d", "out_channels = 4, kernel = 2, groups = 2, dilation = 2, bias = false"), kTanh,
               layer("average-pool", "kernel = 2, stride = 1, padding = 1"), kFlatten, linear(3)}),
  };
}

}  // namespace

const std::vector<Graph>& small_networks() {
  static const std::vector<Graph> networks = make_networks();
  return networks;
}

const Graph& small_network(const std::string& name) {
  for (const Graph& graph : small_networks()) {
    if (graph.name == name) {
      return graph;
    }
  }
  throw std::logic_error("no small network is named " + name);
}

std::vector<std::string> small_network_names() {
  std::vector<std::string> names;
  for (const Graph& graph : small_networks()) {
    names.push_back(graph.name);
  }
  return names;
}

std::string as_identifier(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Network draw(const Graph& graph, std::uint64_t seed, at::ScalarType dtype) {
  Network network = Network::random(graph, seed, "test-network", dtype);
  RandomStream stream(seed, "test-parameters");
  for (const auto& parameter : network.all_parameters()) {
    if (parameter->role == Role::bias) {
      parameter->value.mul_(20);
      parameter->refresh();
    } else if (parameter->role != Role::weight) {
      parameter->assign(oracle::draw_role(parameter->role, parameter->shape, stream, dtype));
    }
  }
  return network;
}

at::Tensor draw_inputs(const Graph& graph, std::int64_t count, std::uint64_t seed, at::ScalarType dtype) {
  RandomStream stream(seed, "test-inputs");
  return random_normal(stream, graph.batch_shape(count), 1.0, dtype);
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

std::vector<at::Tensor> parts_of(const Gradients& gradients, const Network& network) {
  std::vector<at::Tensor> parts;
  for (const Parameter* parameter : network.parameters()) {
    parts.push_back(gradients.of(*parameter));
  }
  return parts;
}

bool identical(const Network& a, const Network& b) {
  const auto same = [](const at::Tensor& x, const at::Tensor& y) {
    return x.defined() == y.defined() && (!x.defined() || at::equal(x, y));
  };
  bool all = a.all_parameters().size() == b.all_parameters().size();
  for (std::size_t i = 0; all && i < a.all_parameters().size(); ++i) {
    const Parameter& x = *a.all_parameters()[i];
    const Parameter& y = *b.all_parameters()[i];
    all = same(x.value, y.value) && same(x.mask(), y.mask()) && same(x.effective, y.effective);
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
