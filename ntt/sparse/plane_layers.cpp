#include "ntt/sparse/plane_layers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/ops/convolution.h"
#include "ntt/ops/pooling.h"
#include "ntt/sparse/ceiling.h"
#include "ntt/sparse/folding.h"

namespace ntt {
namespace {

/// A window of one value for each of so many groups.
ConvGeometry diagonal(const Shape& shape, const PoolGeometry& pool) {
  ConvGeometry g;
  g.channels = g.groups = shape.front();
  g.height = shape.size() == 3 ? shape[1] : 1;
  g.width = shape.size() > 1 ? shape.back() : 1;
  g.kernel_height = pool.kernel_height;
  g.kernel_width = pool.kernel_width;
  g.stride_height = pool.stride_height;
  g.stride_width = pool.stride_width;
  return g;
}

/// The weight [out, channels / groups, kernel_height, kernel_width] and bias of a node, float32 and contiguous.
std::pair<at::Tensor, at::Tensor> weights_of(const Network& network, NodeId id) {
  const Node& node = network.execution().nodes[id];
  if (node.type == "batch-norm") {
    const auto [factor, shift] = channel_affine(network, node);
    return {factor.to(at::kFloat), shift.to(at::kFloat)};
  }
  if (node.type == "average-pool") {
    const PoolGeometry& pool = dynamic_cast<const Pooling&>(network.op(id)).geometry();
    const std::int64_t values = pool.kernel_height * pool.kernel_width;
    const std::int64_t channels = network.execution().values[node.output].shape.front();
    return {at::full({channels, values}, 1.0 / static_cast<double>(values), at::kFloat),
            at::zeros({channels}, at::kFloat)};
  }
  const NodeParameters parameters = network.parameters_of(id);
  const at::Tensor& weight = parameters.effective(WeightOperator::kWeight);
  return {weight.contiguous(), parameters.values.size() > WeightOperator::kBias
                                   ? parameters.effective(WeightOperator::kBias).contiguous()
                                   : at::zeros({weight.size(0)}, at::kFloat)};
}

/// Where one tap of a kernel reads.
class TapIndex {
 public:
  TapIndex(const ConvGeometry& g, const Planes& input, const Planes& output) : g_(g), input_(input) {
    if (!output.features() && !reads_directly(g)) {
      add_copy(output);
    }
    single_ = output.features();
  }

  /// From the first output's position to the value that it weighs; none where that is padding of a single output.
  std::optional<std::int64_t> offset(std::int64_t channel, std::int64_t tap_y, std::int64_t tap_x) const {
    const std::int64_t y = tap_y * g_.dilation_height;
    const std::int64_t x = tap_x * g_.dilation_width;
    if (copy_) {
      const auto phase = phase_of(y, x);
      const auto phases = static_cast<std::int64_t>(copy_->phases.size());
      return (channel * phases + phase) * copy_->to.plane + y / g_.stride_height * copy_->to.pitch +
             x / g_.stride_width;
    }
    const std::int64_t row = y - g_.pad_top;
    const std::int64_t column = x - g_.pad_left;
    if (single_ && (row < 0 || row >= g_.height || column < 0 || column >= g_.width)) {
      return std::nullopt;
    }
    return channel * input_.plane + row * input_.pitch + column;
  }

  std::optional<PhaseCopy> take_copy() { return std::move(copy_); }

 private:
  std::int64_t phase_of(std::int64_t y, std::int64_t x) const {
    const auto found = std::ranges::find_if(copy_->phases, [&](const PhaseCopy::Phase& phase) {
      return phase.y == y % g_.stride_height && phase.x == x % g_.stride_width;
    });
    return found - copy_->phases.begin();
  }

  void add_copy(const Planes& output) {
    PhaseCopy copy;
    copy.stride_height = g_.stride_height;
    copy.stride_width = g_.stride_width;
    copy.pad_top = g_.pad_top;
    copy.pad_left = g_.pad_left;
    copy.rows = g_.out_height() + (g_.kernel_height - 1) * g_.dilation_height / g_.stride_height;
    copy.columns = phase_columns(g_);
    copy_ = std::move(copy);
    for (std::int64_t tap = 0; tap < g_.kernel_height * g_.kernel_width; ++tap) {
      const std::int64_t y = tap / g_.kernel_width * g_.dilation_height;
      const std::int64_t x = tap % g_.kernel_width * g_.dilation_width;
      if (phase_of(y, x) == static_cast<std::int64_t>(copy_->phases.size())) {
        copy_->phases.push_back({y % g_.stride_height, x % g_.stride_width});
      }
    }
    Planes& to = copy_->to;
    to.channels = g_.channels * static_cast<std::int64_t>(copy_->phases.size());
    to.height = copy_->rows;
    to.width = copy_->columns;
    to.pitch = output.pitch;
    // Rows are written in whole registers, none beyond its plane.
    const std::int64_t written = (to.height - 1) * to.pitch + to.width + Planes::kVector;
    to.plane = ((written + Planes::kVector - 1) / Planes::kVector | 1) * Planes::kVector;
    to.behind = std::max<std::int64_t>(
        Planes::kVector, output.run() + (to.height - output.height) * to.pitch + to.width - output.width - to.plane);
  }

  const ConvGeometry& g_;
  const Planes& input_;
  bool single_ = false;
  std::optional<PhaseCopy> copy_;
};

/// Calls visit(row, column, value) for what is not zero of a matrix [rows, columns], and done(row) after each row.
template <typename Visit, typename Done>
void for_each_stored(const at::Tensor& weight, Visit&& visit, Done&& done) {
  const std::int64_t rows = weight.size(0);
  const std::int64_t columns = weight.numel() / std::max<std::int64_t>(rows, 1);
  const auto* values = weight.data_ptr<float>();
  for (std::int64_t row = 0; row < rows; ++row, values += columns) {
    for (std::int64_t column = 0; column < columns; ++column) {
      if (values[column] != 0) {
        visit(row, column, values[column]);
      }
    }
    done(row);
  }
}

void add_entry(PlaneLayer& layer, std::int64_t offset, float value) {
  layer.offsets.push_back(static_cast<std::int32_t>(offset));
  layer.values.push_back(value);
}

/// The input channel that a weight belongs to.
std::int64_t channel_of(const ConvGeometry& g, std::int64_t outputs, std::int64_t row, std::int64_t column) {
  return row / (outputs / g.groups) * (g.channels / g.groups) + column / (g.kernel_height * g.kernel_width);
}

void index_windows(PlaneLayer& layer, const ConvGeometry& g, const at::Tensor& weight, const Planes& input,
                   const Planes& output) {
  TapIndex taps(g, input, output);
  const std::int64_t area = g.kernel_height * g.kernel_width;
  for_each_stored(
      weight,
      [&](std::int64_t row, std::int64_t column, float value) {
        const std::int64_t tap = column % area;
        const auto offset =
            taps.offset(channel_of(g, layer.rows(), row, column), tap / g.kernel_width, tap % g.kernel_width);
        if (offset) {
          add_entry(layer, *offset, value);
        }
      },
      [&](std::int64_t) { layer.begins.push_back(static_cast<std::int32_t>(layer.entries())); });
  layer.copy = taps.take_copy();
}

void index_features(PlaneLayer& layer, const at::Tensor& weight, const Planes& input) {
  const std::int64_t positions = input.height * input.width;
  for_each_stored(
      weight,
      [&](std::int64_t, std::int64_t column, float value) {
        const std::int64_t position = column % positions;
        const std::int64_t offset =
            column / positions * input.plane + position / input.width * input.pitch + position % input.width;
        add_entry(layer, offset, value);
      },
      [&](std::int64_t) { layer.begins.push_back(static_cast<std::int32_t>(layer.entries())); });
}

/// Into how many blocks of planes a layer's entries fall, so that what a tile of positions reads of one stays in the
/// first-level cache: one where rows have too few entries for that to pay, as their sums are written and read again.
std::int64_t blocks_of(const PlaneLayer& layer, std::int64_t kernel_rows, const Planes& source, const Planes& output) {
  constexpr std::int64_t kTileFloats = 8 * Planes::kVector;
  constexpr std::int64_t kLeastEntries = 12;  // of a row in a block
  static const std::int64_t cache_floats = cache_sizes().first / 4 * 9 / 10;
  if (output.features()) {
    return 1;
  }
  const std::int64_t reach = (kernel_rows - 1) * output.pitch + Planes::kVector;
  const std::int64_t floats = std::min(source.plane, std::min(output.run(), kTileFloats) + reach);
  const std::int64_t blocks = (source.channels * floats + cache_floats - 1) / cache_floats;
  return layer.entries() < kLeastEntries * blocks * layer.rows() ? 1 : blocks;
}

/// Leaves out rows that nobody reads, and puts those of as many entries one after another: a loop over them then ends
/// where the last one did, which processors foresee. Entries are grouped by blocks of planes.
void arrange(PlaneLayer& layer, const ReadChannels& read, const Planes& source) {
  const std::vector<std::int32_t> begins = std::move(layer.begins);
  const std::vector<std::int32_t> offsets = std::move(layer.offsets);
  const std::vector<float> values = std::move(layer.values);
  const std::vector<float> bias = std::move(layer.bias);
  const std::int64_t blocks = layer.blocks;
  const auto size = [&](std::int32_t row) {
    return begins[static_cast<std::size_t>(row) + 1] - begins[static_cast<std::size_t>(row)];
  };
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(bias.size()); ++row) {
    (read[static_cast<std::size_t>(row)] != 0 ? layer.outputs : layer.unread).push_back(row);
  }
  std::ranges::stable_sort(layer.outputs, {}, size);
  layer.begins.clear();
  layer.offsets.clear();
  layer.values.clear();
  layer.bias.clear();
  for (const std::int32_t row : layer.outputs) {
    layer.bias.push_back(bias[static_cast<std::size_t>(row)]);
  }
  // A tap reads up to about half a plane ahead or behind; any block would be right.
  const auto block_of = [&](std::int32_t offset) {
    const std::int64_t plane =
        std::clamp<std::int64_t>((offset + source.plane / 2) / source.plane, 0, source.channels - 1);
    return plane * blocks / source.channels;
  };
  for (std::int64_t block = 0; block < blocks; ++block) {
    layer.begins.push_back(static_cast<std::int32_t>(layer.values.size()));
    for (const std::int32_t row : layer.outputs) {
      for (std::int32_t j = begins[static_cast<std::size_t>(row)]; j < begins[static_cast<std::size_t>(row) + 1]; ++j) {
        if (blocks == 1 || block_of(offsets[static_cast<std::size_t>(j)]) == block) {
          layer.offsets.push_back(offsets[static_cast<std::size_t>(j)]);
          layer.values.push_back(values[static_cast<std::size_t>(j)]);
        }
      }
      layer.begins.push_back(static_cast<std::int32_t>(layer.values.size()));
    }
  }
}

}  // namespace

std::optional<ConvGeometry> window_geometry(const Network& network, NodeId id) {
  const Graph& graph = network.execution();
  const Node& node = graph.nodes[id];
  if (node.type == "linear") {
    return std::nullopt;
  }
  const Shape& input = graph.values[node.inputs.front()].shape;
  if (node.type == "batch-norm") {
    return diagonal(input, {1, 1, 1, 1});
  }
  if (node.type == "average-pool") {
    return diagonal(input, dynamic_cast<const Pooling&>(network.op(id)).geometry());
  }
  return dynamic_cast<const Convolution&>(network.op(id)).geometry();
}

bool reads_directly(const ConvGeometry& g) {
  return g.stride_height == 1 && g.stride_width == 1 && g.out_height() == g.height && g.out_width() == g.width;
}

std::int64_t phase_columns(const ConvGeometry& g) {
  return g.out_width() + (g.kernel_width - 1) * g.dilation_width / g.stride_width;
}

void mark_read_channels(const Network& network, NodeId id, const Planes& input, const ReadChannels& outputs,
                        ReadChannels& inputs) {
  const at::Tensor weight = weights_of(network, id).first;
  const auto windows = window_geometry(network, id);
  const std::int64_t positions = input.height * input.width;
  for_each_stored(
      weight,
      [&](std::int64_t row, std::int64_t column, float) {
        if (outputs[static_cast<std::size_t>(row)] == 0) {
          return;
        }
        const std::int64_t channel = windows ? channel_of(*windows, weight.size(0), row, column) : column / positions;
        inputs[static_cast<std::size_t>(channel)] = 1;
      },
      [](std::int64_t) {});
}

PlaneLayer make_plane_layer(const Network& network, NodeId id, const Planes& input, const Planes& output,
                            const ReadChannels& read) {
  const auto [weight, bias] = weights_of(network, id);
  PlaneLayer layer;
  layer.name = network.execution().nodes[id].name;
  layer.bias.assign(bias.data_ptr<float>(), bias.data_ptr<float>() + bias.numel());
  if (std::max(input.size(), weight.numel()) >= std::numeric_limits<std::int32_t>::max()) {
    fail_input("layer '{}' has {} weights on {} values, more than sparse execution can number; use dense execution",
               layer.name, weight.numel(), input.size());
  }
  layer.positions = output.height * output.width;
  layer.begins.push_back(0);
  const auto windows = window_geometry(network, id);
  if (windows) {
    index_windows(layer, *windows, weight, input, output);
  } else {
    index_features(layer, weight, input);
  }
  const Planes& source = layer.copy ? layer.copy->to : input;
  layer.blocks = windows ? blocks_of(layer, windows->kernel_height, source, output) : 1;
  arrange(layer, read, source);
  return layer;
}

}  // namespace ntt
