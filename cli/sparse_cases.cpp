#include "cli/sparse_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "ntt/models/layer_stack.h"
#include "ntt/nn/model.h"
#include "ntt/prune/mask.h"

namespace ntt {
namespace {

constexpr const char* kFeed = "feed";
constexpr const char* kRead = "read";

SparseCase layer_case(const Graph& model, const Node& node, bool first) {
  const bool convolution = node.type == "conv2d";
  const std::string name = fmt::format("{} {}", model.name, node.name);
  const std::string own_name = node.name.substr(node.name.rfind('.') + 1);
  const Shape& input = model.values[node.inputs.front()].shape;
  const Shape& output = model.values[node.output].shape;
  const auto add_layer = [&](LayerStack& net) {
    net.add(node.type, node.attributes, own_name);
    if (convolution) {
      net.add("average-pool", {{"kernel", std::min(output[1], output[2])}}).flatten();
    }
  };
  LayerStack inference(name, input);
  add_layer(inference);
  Shape fed_by = input;
  if (!first) {
    fed_by = convolution ? Shape{1, input[1], input[2]} : Shape{1};
  }
  LayerStack training(name, fed_by);
  if (!first && convolution) {
    training.add("conv2d", {{"out_channels", input[0]}, {"kernel", std::int64_t{1}}}, kFeed);
  } else if (!first) {
    training.linear(input[0], kFeed);
  }
  add_layer(training);
  training.linear(1, kRead);
  return {name, convolution ? "convolution" : "linear", inference.finish(), training.finish()};
}

}  // namespace

SparseCase model_case(const std::string& model) {
  const Graph graph = published_model(model).graph;
  return {graph.name, "model", graph, graph};
}

std::vector<SparseCase> layer_cases(const std::string& model) {
  const Graph graph = published_model(model).graph;
  std::vector<SparseCase> cases;
  for (const Node& node : graph.nodes) {
    if (node.type == "linear" || node.type == "conv2d") {
      cases.push_back(layer_case(graph, node, cases.empty()));
    }
  }
  return cases;
}

Network draw_masked(const Graph& graph, double density, std::uint64_t seed) {
  Network network = Network::random(graph, seed);
  mask_by_scores(network, random_scores(network, seed), density, Scope::layer);
  for (Parameter* parameter : prunable_parameters(network)) {
    if (parameter->name.starts_with(kFeed) || parameter->name.starts_with(kRead)) {
      parameter->set_mask({});
    }
  }
  return network;
}

}  // namespace ntt
