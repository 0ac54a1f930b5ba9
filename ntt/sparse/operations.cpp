#include "ntt/sparse/operations.h"

#include <algorithm>
#include <bit>

namespace ntt {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// How often a stored weight is read to pass over so many windows: eight at once, then four and so on, as the kernels
/// have it where a register holds kLanes.
std::int64_t passes(std::int64_t windows) {
  return windows / 8 + std::popcount(static_cast<std::uint64_t>(windows % 8));
}

LayerOperations count_layer(const SparseLayer& layer, std::int64_t inputs) {
  const Windows& windows = layer.forward_windows;
  const std::int64_t blocks = ceil_divide(inputs, kLanes);
  std::int64_t entries = 0;
  for (const SparseRow& row : layer.forward.rows) {
    entries += row.last - row.first;
  }
  LayerOperations counted;
  counted.name = layer.name;
  counted.multiply_adds = entries * layer.results() * inputs;
  // A window's corner moves by stride rows from one row of windows to the next.
  counted.input_bytes =
      4 * layer.inputs * (layer.convolution ? layer.kernel_height * windows.input_row / layer.stride : kLanes);
  // Two pools of four results each fit where eight results do.
  const std::int64_t row_passes = layer.pooled ? ceil_divide(windows.width, 2) : passes(windows.width);
  counted.register_adds = entries * layer.results() * blocks;
  counted.loads = counted.register_adds + 2 * entries * windows.height * row_passes * blocks;
  return counted;
}

/// Registers of sums that are kept over a row's entries (plane_kernels.cpp), where one holds kLanes.
constexpr std::int64_t kTile = 8;

LayerOperations count_layer(const PlaneLayer& layer, const Planes& input, const Planes& output, std::int64_t inputs) {
  LayerOperations counted;
  counted.name = layer.name;
  counted.multiply_adds = layer.entries() * layer.positions * inputs;
  if (output.features()) {
    counted.gathers = true;
    counted.register_adds = ceil_divide(counted.multiply_adds, kLanes);
    counted.loads = (kLanes + 2) * counted.register_adds;
    counted.input_bytes = 4 * input.size();
    return counted;
  }
  const std::int64_t registers = output.run() / kLanes;
  counted.register_adds = layer.entries() * registers * inputs;
  counted.loads = counted.register_adds + 2 * layer.entries() * ceil_divide(registers, kTile) * inputs;
  const Planes& source = layer.copy ? layer.copy->to : input;
  counted.input_bytes = 4 * source.channels * std::min(source.plane, kTile * kLanes + 2 * output.pitch);
  return counted;
}

}  // namespace

std::vector<LayerOperations> count_operations(const Plan& plan, std::int64_t inputs) {
  std::vector<LayerOperations> layers;
  for (const SparseLayer& layer : plan.layers) {
    layers.push_back(count_layer(layer, inputs));
  }
  return layers;
}

std::vector<LayerOperations> count_operations(const PlanePlan& plan, std::int64_t inputs) {
  std::vector<LayerOperations> layers;
  for (const PlaneStep& step : plan.steps) {
    if (step.lowered.kind == LoweredStep::Kind::product) {
      layers.push_back(count_layer(plan.layers[step.index], plan.buffers[step.lowered.inputs.front()].planes,
                                   plan.buffers[step.lowered.output].planes, inputs));
    }
  }
  return layers;
}

}  // namespace ntt
