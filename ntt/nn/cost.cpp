#include "ntt/nn/cost.h"

#include <ATen/ATen.h>

#include <map>

#include "ntt/nn/compact.h"

namespace ntt {
namespace {

/// @param groups of a convolution, whose inputs fall into as many runs
LayerCost weight_cost(const Parameter& weight, std::int64_t groups) {
  LayerCost cost;
  cost.name = weight.name.substr(0, weight.name.rfind('.'));
  cost.shape = weight.shape;
  cost.weights = weight.value.numel();
  cost.kept = weight.kept();
  cost.masked_bytes = 4 * cost.weights;
  cost.compact_bytes = 4 * cost.weights;
  if (weight.pattern) {
    cost.masked_bytes += cost.weights;
    cost.compact_bytes = 4 * cost.kept + encoded_bytes(weight.kept_indices().to(at::kCPU), cost.weights);
    const std::int64_t inputs = weight.shape.size() > 1 ? weight.shape[1] : 1;
    const at::Tensor kept = weight.mask().reshape({groups, weight.shape[0] / groups, inputs, -1});
    cost.empty_outputs = kept.sum(at::IntArrayRef{2, 3}).eq(0).sum().item<std::int64_t>();
    cost.unread_inputs = kept.sum(at::IntArrayRef{1, 3}).eq(0).sum().item<std::int64_t>();
  }
  return cost;
}

}  // namespace

std::vector<LayerCost> layer_costs(const Network& network) {
  const Graph& graph = network.execution();
  std::vector<LayerCost> costs;
  std::map<ParameterId, std::size_t> counted;
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const NodeParameters parameters = network.parameters_of(i);
    if (parameters.values.empty() || parameters.values.front()->role != Role::weight) {
      continue;
    }
    const auto [place, is_new] = counted.emplace(node.parameters.front(), costs.size());
    if (is_new) {
      const Shape input = node.inputs.empty() ? Shape() : graph.values[node.inputs.front()].shape;
      const bool convolves = parameters.values.front()->shape.size() > 2 && !input.empty();
      costs.push_back(
          weight_cost(*parameters.values.front(), convolves ? input.front() / parameters.values.front()->shape[1] : 1));
      costs.back().input = input;
      costs.back().output = graph.values[node.output].shape;
      costs.back().biases = parameters.values.size() > 1 ? parameters.values[1]->value.numel() : 0;
      costs.back().masked_bytes += 4 * costs.back().biases;
      costs.back().compact_bytes += 4 * costs.back().biases;
    }
    LayerCost& cost = costs[place->second];
    cost.positions += network.op(i).multiply_adds() / cost.weights;
  }
  return costs;
}

TotalCost total_cost(const std::vector<LayerCost>& layers) {
  TotalCost total;
  for (const LayerCost& layer : layers) {
    total.weights += layer.weights;
    total.kept += layer.kept;
    total.biases += layer.biases;
    total.dense_multiply_adds += layer.dense_multiply_adds();
    total.sparse_multiply_adds += layer.sparse_multiply_adds();
    total.dense_bytes += layer.dense_bytes();
    total.sparse_bytes += layer.sparse_bytes();
    total.compact_bytes += layer.compact_bytes;
    total.masked_bytes += layer.masked_bytes;
  }
  return total;
}

}  // namespace ntt
