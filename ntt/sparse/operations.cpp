#include "ntt/sparse/operations.h"

#include <bit>

namespace ntt {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// How often a stored weight is read to pass over so many windows or rows of them: eight at once, then four and so on,
/// as the kernels have it where a register holds kLanes.
std::int64_t passes(std::int64_t windows) {
  return windows / 8 + std::popcount(static_cast<std::uint64_t>(windows % 8));
}

/// The same where only eight, four and one are taken.
std::int64_t single_passes(std::int64_t windows) {
  return windows / 8 + windows % 8 / 4 + windows % 4;
}

LayerOperations count_layer(const SparseLayer& layer, std::int64_t lanes, std::int64_t inputs) {
  const Windows& windows = layer.forward_windows;
  const std::int64_t blocks = ceil_divide(inputs, lanes);
  std::int64_t entries = 0;
  for (const SparseRow& row : layer.forward.rows) {
    entries += row.last - row.first;
  }
  LayerOperations counted;
  counted.name = layer.name;
  counted.convolution = layer.convolution;
  counted.multiply_adds = entries * layer.results() * inputs;
  // A window's corner moves by stride places from one row of windows to the next.
  counted.input_bytes =
      4 * layer.inputs * (layer.convolution ? layer.kernel_height * windows.input_row / layer.stride : lanes);
  const bool one_window = windows.height * windows.width == 1;
  if (lanes > 1) {
    // Two pools of four results each fit where eight results do.
    const std::int64_t row_passes = layer.pooled ? ceil_divide(windows.width, 2) : passes(windows.width);
    counted.register_adds = entries * layer.results() * blocks;
    counted.loads = counted.register_adds + 2 * entries * windows.height * row_passes * blocks;
  } else if (!one_window && layer.stride == 1) {
    const std::int64_t columns = ceil_divide(windows.width, kLanes);
    counted.register_adds = entries * windows.height * columns * blocks;
    counted.loads = counted.register_adds + 2 * entries * single_passes(windows.height) * columns * blocks;
  } else {
    counted.gathers = true;
    counted.register_adds = ceil_divide(counted.multiply_adds, kLanes);
    counted.loads = (kLanes + 2) * counted.register_adds;
  }
  return counted;
}

}  // namespace

std::vector<LayerOperations> count_operations(const Plan& plan, std::int64_t inputs) {
  std::vector<LayerOperations> layers;
  for (const SparseLayer& layer : plan.layers) {
    layers.push_back(count_layer(layer, plan.lanes, inputs));
  }
  return layers;
}

}  // namespace ntt
