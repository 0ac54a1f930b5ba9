#include "ntt/nn/cost.h"

#include <ATen/ATen.h>

#include "ntt/nn/compact.h"

namespace ntt {
namespace {

LayerCost weight_cost(const Parameter& weight) {
  LayerCost cost;
  cost.name = weight.name.substr(0, weight.name.rfind('.'));
  cost.shape = weight.shape;
  cost.weights = weight.value.numel();
  cost.kept = weight.kept();
  cost.masked_bytes = 4 * cost.weights;
  cost.compact_bytes = 4 * cost.weights;
  if (weight.mask.defined()) {
    cost.masked_bytes += cost.weights;
    cost.compact_bytes = 4 * cost.kept + encoded_bytes(weight.kept_places().to(at::kCPU), cost.weights);
    const at::Tensor kept = weight.mask.reshape({weight.shape[0], weight.shape[1], -1});
    cost.empty_outputs = kept.sum(at::IntArrayRef{1, 2}).eq(0).sum().item<std::int64_t>();
    cost.unread_inputs = kept.sum(at::IntArrayRef{0, 2}).eq(0).sum().item<std::int64_t>();
  }
  return cost;
}

}  // namespace

std::vector<LayerCost> layer_costs(const Network& network) {
  std::vector<LayerCost> costs;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->prunable) {
      costs.push_back(weight_cost(*parameter));
    } else if (!costs.empty()) {
      costs.back().biases = parameter->value.numel();
      costs.back().masked_bytes += 4 * costs.back().biases;
      costs.back().compact_bytes += 4 * costs.back().biases;
    }
  }
  // One input shows each layer what it is given, and so what it gives.
  Tape tape;
  network.layers().limit_cotangents(tape, false, false);
  const at::TensorOptions like_weights = network.parameters().front()->value.options();
  network.layers().forward(at::zeros(network.spec().batch_shape(1), like_weights), tape);
  std::size_t index = 0;
  network.layers().for_each_parametric(tape, [&](const ParametricLayer& layer, Tape& layer_tape) {
    LayerCost& cost = costs[index++];
    cost.input = layer_tape.input.sizes().slice(1).vec();
    cost.output = layer.output_shape(cost.input);
    cost.positions = cost.output.size() == 3 ? cost.output[1] * cost.output[2] : 1;
  });
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
