#include "tests/sparse/networks.h"

#include <algorithm>
#include <stdexcept>

#include "ntt/models/network_toml.h"

namespace ntt::testing_support {
namespace {

constexpr const char* kBiasFree = R"(
name = 'bias-free'
input = [2, 8, 8]
layer = [
  {type = 'conv2d', out_channels = 4, kernel = 3, padding = 1, bias = false},
  {type = 'relu'},
  {type = 'max-pool', kernel = 2},
  {type = 'conv2d', out_channels = 3, kernel = 3, padding = 1, stride = 2, bias = false},
  {type = 'gelu', approximation = 'none'},
  {type = 'flatten'},
  {type = 'linear', out_features = 5, bias = false},
  {type = 'relu'},
  {type = 'linear', out_features = 3, bias = false},
])";

/// Images, flattened images and flat outputs with several readers each, and a sum of a value with itself.
constexpr const char* kFanOut = R"(
name = 'fan-out'
input = [2, 6, 5]
layer = [
  {type = 'conv2d', name = 'a', out_channels = 3, kernel = [3, 2], padding = [1, 1]},
  {type = 'relu', name = 'b'},
  {type = 'tanh', name = 'c', inputs = ['a']},
  {type = 'add', name = 'd', inputs = ['b', 'c']},
  {type = 'conv2d', name = 'e', out_channels = 3, kernel = 3, padding = 1, bias = false},
  {type = 'add', name = 'f', inputs = ['e', 'd']},
  {type = 'relu', name = 'g'},
  {type = 'add', name = 'h', inputs = ['g', 'g']},
  {type = 'relu', name = 'i'},
  {type = 'relu', name = 'j'},
  {type = 'average-pool', name = 'k', kernel = 2},
  {type = 'max-pool', name = 'l', kernel = 2, inputs = ['e']},
  {type = 'add', name = 'm', inputs = ['k', 'l']},
  {type = 'reshape', name = 'n', shape = [-1]},
  {type = 'relu', name = 'o'},
  {type = 'tanh', name = 'p', inputs = ['m']},
  {type = 'flatten', name = 'q'},
  {type = 'add', name = 'r', inputs = ['o', 'q']},
  {type = 'linear', name = 's', out_features = 4},
  {type = 'linear', name = 't', out_features = 4, bias = false, inputs = ['r']},
  {type = 'add', name = 'u', inputs = ['s', 't']},
  {type = 'linear', name = 'v', out_features = 4},
  {type = 'add', name = 'w', inputs = ['v', 's']},
  {type = 'linear', name = 'x', out_features = 3},
])";

}  // namespace

const std::map<std::string, std::string>& refusals() {
  static const std::map<std::string, std::string> said{
      {"residual-bn", "layers of type 'batch-norm' yet (layer 'bn1')"},
      {"separable", "convolutions with groups or dilation yet (layer 'conv1')"},
      {"concat", "layers of type 'concat' yet (layer 'c')"},
      {"transformer", "layers of type 'reshape' yet (layer 'reshape1')"},
      {"read-twice", "linear layers on several positions yet (layer 'fc1')"},
      {"tied", "weights that several layers share yet (layer 'b')"},
      {"conv1d", "layers of type 'conv1d' yet (layer 'conv1')"}};
  return said;
}

const std::vector<Graph>& sparse_networks() {
  static const std::vector<Graph> networks = [] {
    std::vector<Graph> found;
    std::ranges::copy_if(small_networks(), std::back_inserter(found),
                         [](const Graph& graph) { return !refusals().contains(graph.name); });
    found.push_back(parse_network_toml(kBiasFree, "bias-free"));
    found.push_back(parse_network_toml(kFanOut, "fan-out"));
    return found;
  }();
  return networks;
}

const Graph& sparse_network(const std::string& name) {
  const auto found = std::ranges::find(sparse_networks(), name, &Graph::name);
  if (found == sparse_networks().end()) {
    throw std::logic_error("no network is named " + name);
  }
  return *found;
}

std::vector<std::string> sparse_network_names() {
  std::vector<std::string> names;
  std::ranges::transform(sparse_networks(), std::back_inserter(names), &Graph::name);
  return names;
}

Network draw_masked(const std::string& name, double density, at::ScalarType dtype) {
  Network network = draw(sparse_network(name), 3, dtype);
  mask_at_random(network, density, 5);
  return network;
}

}  // namespace ntt::testing_support
