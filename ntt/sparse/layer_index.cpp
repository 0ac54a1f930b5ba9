#include "ntt/sparse/layer_index.h"

#include <algorithm>

namespace ntt {
namespace {

std::int32_t place(std::int64_t floats) {
  return static_cast<std::int32_t>(floats);
}

struct Tap {
  std::int64_t channel, y, x;
};

Tap tap_of(const SparseLayer& layer, std::int32_t column) {
  const std::int64_t area = layer.kernel_height * layer.kernel_width;
  return {column / area, column % area / layer.kernel_width, column % layer.kernel_width};
}

/// Calls visit(row, entry) for every entry whose row is read.
template <typename Visit>
void for_each_read_entry(const SparseLayer& layer, const std::vector<char>& rows_read, Visit&& visit) {
  for (std::size_t row = 0; row < rows_read.size(); ++row) {
    if (rows_read[row] != 0) {
      for (std::int32_t j = layer.row_begins[row]; j < layer.row_begins[row + 1]; ++j) {
        visit(row, static_cast<std::size_t>(j));
      }
    }
  }
}

}  // namespace

void mark_read_channels(const SparseLayer& layer, const std::vector<char>& rows_read, PlanBuffer& input) {
  const std::int64_t columns_a_channel =
      layer.convolution ? layer.kernel_height * layer.kernel_width : input.values.height * input.values.width;
  for_each_read_entry(layer, rows_read, [&](std::size_t, std::size_t j) {
    input.read[static_cast<std::size_t>(layer.columns[j] / columns_a_channel)] = 1;
  });
}

void mark_read_features(const SparseLayer& layer, const std::vector<char>& rows_read, std::int64_t positions,
                        std::vector<char>& features) {
  for_each_read_entry(layer, rows_read, [&](std::size_t, std::size_t j) {
    const std::int64_t area = layer.kernel_height * layer.kernel_width;
    const std::int64_t input = layer.columns[j] / area;
    if (layer.convolution) {
      std::fill_n(features.begin() + input * positions, positions, 1);
    } else {
      features[static_cast<std::size_t>(input)] = 1;
    }
  });
}

void choose_gradient_layout(SparseLayer& layer, const PlanBuffer& input, PlanBuffer& output) {
  if (!layer.convolution || !input.needs_gradient) {
    return;
  }
  // Input y reads gradients y + padding - tap: from padding - (kernel - 1) up to height - 1 + padding.
  const auto halo_of = [&](std::int64_t size, std::int64_t results) {
    const std::int64_t last = (results - 1) * layer.stride;
    return std::max({std::int64_t{0}, layer.kernel_height - 1 - layer.padding, layer.kernel_width - 1 - layer.padding,
                     size - 1 + layer.padding - last});
  };
  const std::int64_t halo =
      std::max(halo_of(input.values.height, output.values.height), halo_of(input.values.width, output.values.width));
  if (layer.stride == 1) {
    output.gradients.halo = std::max(output.gradients.halo, halo);
  } else {
    layer.dilated = {layer.outputs, (output.values.height - 1) * layer.stride + 1,
                     (output.values.width - 1) * layer.stride + 1, halo};
  }
}

void index_forward(SparseLayer& layer, const PlanBuffer& input, const PlanBuffer& output, PlanFor purpose) {
  const bool conv = layer.convolution;
  const BlockLayout& from = input.values;
  layer.forward_windows = {output.values.height,  output.values.width, layer.stride * from.row(),
                           layer.stride * kLanes, output.values.row(), output.gradients.row()};
  for (std::int64_t r = 0; r < layer.outputs; ++r) {
    const auto row = static_cast<std::size_t>(r);
    if (output.read[row] == 0) {
      continue;
    }
    const bool constant = purpose == PlanFor::inference && layer.row_begins[row] == layer.row_begins[row + 1];
    std::vector<SparseRow>& rows = constant ? layer.constants : layer.forward.rows;
    rows.push_back({layer.row_begins[row], layer.row_begins[row + 1], place(output.values.at(r, 0, 0)),
                    place(output.gradients.at(r, 0, 0)), place(r)});
  }
  layer.forward.offsets.reserve(layer.columns.size());
  for (const std::int32_t column : layer.columns) {
    if (conv) {
      const Tap tap = tap_of(layer, column);
      layer.forward.offsets.push_back(place(tap.channel * from.channel() + tap.y * from.row() + tap.x * kLanes));
    } else {
      layer.forward.offsets.push_back(place(from.at_feature(column)));
    }
  }
}

void index_backward(SparseLayer& layer, const PlanBuffer& input, const PlanBuffer& output) {
  const bool conv = layer.convolution;
  const std::int64_t area = layer.kernel_height * layer.kernel_width;
  const BlockLayout& from = layer.stride == 1 ? output.gradients : layer.dilated;
  layer.backward_windows = {conv ? input.values.height : 1,
                            conv ? input.values.width : 1,
                            from.row(),
                            kLanes,
                            input.gradients.row(),
                            input.values.row()};
  std::vector<std::vector<std::int32_t>> by_input(static_cast<std::size_t>(layer.inputs));
  std::vector<std::int32_t> row_of(layer.columns.size());
  for_each_read_entry(layer, output.read, [&](std::size_t row, std::size_t j) {
    by_input[static_cast<std::size_t>(layer.columns[j] / area)].push_back(place(static_cast<std::int64_t>(j)));
    row_of[j] = place(static_cast<std::int64_t>(row));
  });
  for (std::int64_t i = 0; i < layer.inputs; ++i) {
    const std::vector<std::int32_t>& entries = by_input[static_cast<std::size_t>(i)];
    if (entries.empty()) {
      continue;  // its gradient stays the zero that the workspace begins with
    }
    const auto first = place(static_cast<std::int64_t>(layer.backward_entries.size()));
    for (const std::int32_t j : entries) {
      const Tap tap = tap_of(layer, layer.columns[static_cast<std::size_t>(j)]);
      const std::int64_t channel = row_of[static_cast<std::size_t>(j)] * from.channel();
      layer.backward.offsets.push_back(place(conv ? channel - tap.y * from.row() - tap.x * kLanes : channel));
      layer.backward_entries.push_back(j);
    }
    const std::int64_t gradient = conv ? input.gradients.at(i, 0, 0) : input.gradients.at_feature(i);
    const std::int64_t gate = conv ? input.values.at(i, 0, 0) : input.values.at_feature(i);
    layer.backward.rows.push_back({first, place(static_cast<std::int64_t>(layer.backward_entries.size())),
                                   place(gradient), place(gate), place(i)});
  }
}

}  // namespace ntt
