#include "cli/sparse_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "ntt/nn/cost.h"
#include "ntt/prune/mask.h"

namespace ntt {
namespace {

constexpr const char* kFeed = "feed";
constexpr const char* kRead = "read";

/// The layers with weights as they are written down, in the order of their parameters.
void collect_layers(const std::vector<LayerSpec>& layers, std::vector<LayerSpec>& into) {
  for (const LayerSpec& layer : layers) {
    if (layer.type == "linear" || layer.type == "conv2d") {
      into.push_back(layer);
    }
    collect_layers(layer.body, into);
    collect_layers(layer.shortcut, into);
  }
}

SparseCase layer_case(const NetworkSpec& model, LayerSpec layer, const LayerCost& shapes, bool first) {
  const bool convolution = layer.type == "conv2d";
  SparseCase one{fmt::format("{} {}", model.name, shapes.name), convolution ? "convolution" : "linear", {}, {}};
  layer.name = shapes.name.substr(shapes.name.rfind('.') + 1);
  one.inference = {one.name, shapes.input, {layer}};
  LayerSpec feed{"linear", kFeed, {{"out_features", shapes.input[0]}}, {}, {}};
  Shape fed_by{1};
  if (convolution) {
    const std::int64_t side = std::min(shapes.output[1], shapes.output[2]);
    one.inference.layers.push_back({"average-pool", "", {{"kernel", side}}, {}, {}});
    one.inference.layers.push_back({"flatten", "", {}, {}, {}});
    feed = {"conv2d", kFeed, {{"out_channels", shapes.input[0]}, {"kernel", 1}}, {}, {}};
    fed_by = {1, shapes.input[1], shapes.input[2]};
  }
  one.training = one.inference;
  one.training.layers.push_back({"linear", kRead, {{"out_features", 1}}, {}, {}});
  if (!first) {
    one.training.input = fed_by;
    one.training.layers.insert(one.training.layers.begin(), feed);
  }
  return one;
}

}  // namespace

SparseCase model_case(const std::string& model) {
  const NetworkSpec spec = published_model(model);
  return {spec.name, "model", spec, spec};
}

std::vector<SparseCase> layer_cases(const std::string& model) {
  const NetworkSpec spec = published_model(model);
  const std::vector<LayerCost> shapes = layer_costs(Network::random(spec, 0));
  std::vector<LayerSpec> layers;
  collect_layers(spec.layers, layers);
  std::vector<SparseCase> cases;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    cases.push_back(layer_case(spec, layers[i], shapes[i], i == 0));
  }
  return cases;
}

Network draw_masked(const NetworkSpec& spec, double density, std::uint64_t seed) {
  Network network = Network::random(spec, seed);
  mask_by_scores(network, random_scores(network, seed), density, Scope::layer);
  for (Parameter* parameter : prunable_parameters(network)) {
    if (parameter->name.starts_with(kFeed) || parameter->name.starts_with(kRead)) {
      parameter->set_mask({});
    }
  }
  return network;
}

}  // namespace ntt
