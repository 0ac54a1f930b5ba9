#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"

namespace ntt::onnx_import {
namespace {

constexpr std::size_t kMostSlices = 256;  // of one Gather

/// A part of an axis of the graph; itself where it is all of it.
DraftId sliced(Step& step, DraftId value, std::int64_t axis, std::int64_t start, std::int64_t end,
               std::int64_t stride = 1) {
  if (start == 0 && end == step.draft().shape(value)[static_cast<std::size_t>(axis)] && stride == 1) {
    return value;
  }
  DraftNode node{.type = "slice", .attributes = {{"axis", axis}, {"start", start}, {"end", end}}, .inputs = {value}};
  if (stride != 1) {
    node.attributes["step"] = stride;
  }
  return step.add_helper(std::move(node));
}

/// Runs of indices that follow each other.
std::vector<std::pair<std::int64_t, std::int64_t>> runs(const std::vector<std::int64_t>& indices) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const std::int64_t index : indices) {
    if (!found.empty() && found.back().second == index) {
      ++found.back().second;
    } else {
      found.emplace_back(index, index + 1);
    }
  }
  return found;
}

}  // namespace

std::vector<std::int64_t> split_sizes(Step& step, std::int64_t side) {
  std::vector<std::int64_t> sizes = step.integers("split", 1);
  const auto parts = static_cast<std::int64_t>(step.node().output_size());
  if (sizes.empty() && parts > 0) {
    const std::int64_t size = (side + parts - 1) / parts;  // the last may be smaller
    sizes.assign(static_cast<std::size_t>(parts), size);
    sizes.back() = side - size * (parts - 1);
  }
  std::int64_t left = side;
  for (const std::int64_t size : sizes) {
    if (size <= 0 || size > left) {
      fail_input("its parts of {} do not fit an axis of {}", fmt::join(sizes, ", "), side);
    }
    left -= size;
  }
  if (left != 0 || static_cast<std::int64_t>(sizes.size()) != parts) {
    fail_input("its {} parts of {} are not an axis of {}", parts, fmt::join(sizes, ", "), side);
  }
  return sizes;
}

std::vector<Cut> cuts_of(Step& step, const std::vector<std::int64_t>& sides) {
  const std::vector<std::int64_t> starts = step.integers("starts", 1);
  const std::vector<std::int64_t> ends = step.integers("ends", 2);
  const std::vector<std::int64_t> axes = step.integers("axes", 3);
  const std::vector<std::int64_t> steps = step.has_input(4) ? step.integers(4) : std::vector<std::int64_t>();
  if (ends.size() != starts.size() || (!axes.empty() && axes.size() != starts.size()) ||
      (!steps.empty() && steps.size() != starts.size()) || (axes.empty() && starts.size() > sides.size())) {
    fail_input("its starts, ends, axes and steps are not equally many");
  }
  std::vector<Cut> cuts;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto rank = static_cast<std::int64_t>(sides.size());
    Cut cut{axes.empty() ? static_cast<std::int64_t>(i) : Step::axis(axes[i], rank), 0, 0,
            steps.empty() ? 1 : steps[i]};
    const std::int64_t side = sides[static_cast<std::size_t>(cut.axis)];
    if (side < 0) {  // the batch
      if (starts[i] != 0 || ends[i] < (std::int64_t{1} << 31) - 1 || cut.step != 1) {
        fail_input("it takes a part of the batch");
      }
      continue;
    }
    if (cut.step == 0 || cut.step == std::numeric_limits<std::int64_t>::min()) {
      fail_input("its step is {}", cut.step);
    }
    const bool forth = cut.step > 0;
    const auto clamped = [&](std::int64_t place) {
      return std::clamp<std::int64_t>(place < 0 ? place + side : place, forth ? 0 : -1, forth ? side : side - 1);
    };
    cut.start = clamped(starts[i]);
    const std::int64_t distance = forth ? clamped(ends[i]) - cut.start : cut.start - clamped(ends[i]);
    const std::int64_t stride = std::abs(cut.step);
    cut.count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    cuts.push_back(cut);
  }
  return cuts;
}

void read_slice(Step& step) {
  const Activation input = step.activation(0);
  std::vector<std::int64_t> sides;
  for (const Side& side : sides_of(step.draft().shape(input.value), input.batch)) {
    sides.push_back(side.batch ? -1 : side.size);
  }
  DraftId value = input.value;
  for (const Cut& cut : cuts_of(step, sides)) {
    if (cut.step < 0 || cut.count == 0) {
      fail_input("it keeps {} of the {} entries of axis {} in steps of {}; at least one and forward is supported",
                 cut.count, sides[static_cast<std::size_t>(cut.axis)], cut.axis, cut.step);
    }
    const std::int64_t stride = cut.count == 1 ? 1 : cut.step;
    const std::int64_t end = cut.start + (cut.count - 1) * stride + 1;
    value = sliced(step, value, *graph_axis(input.batch, cut.axis), cut.start, end, stride);
  }
  step.set(Activation{value, input.batch});
}

void read_split(Step& step) {
  const Activation input = step.activation(0);
  const std::int64_t axis = inner_axis(step, input, step.integer("axis", 0));
  const std::int64_t side = step.draft().shape(input.value)[static_cast<std::size_t>(axis)];
  std::int64_t start = 0;
  int output = 0;
  for (const std::int64_t size : split_sizes(step, side)) {
    step.set(Activation{sliced(step, input.value, axis, start, start + size), input.batch}, output++);
    start += size;
  }
}

namespace {

/// Picks every entry of [batch * entries] in its order, by indices that PyTorch's newer exporter counts out for the
/// batch (as_strided): what it makes of a reshape.
void read_gather_in_order(Step& step, const Activation& input) {
  const Shape shape = step.draft().shape(input.value);
  const at::Tensor& indices = step.constant(1).value;
  const bool is_flat = shape.size() == 1 && input.batch == BatchAxis{0, 1, shape.front()} && shape.front() > 1;
  if (!is_flat || indices.dim() < 1 || indices.size(0) != kSampleBatch ||
      indices.numel() != kSampleBatch * shape.front() ||
      !indices.flatten().to(at::kLong).equal(at::arange(indices.numel(), at::kLong))) {
    fail_input("it picks entries by the number of inputs in the batch");
  }
  step.set(Activation{with_shape(step, input.value, indices.sizes().slice(1).vec()), {}});
}

}  // namespace

void read_gather(Step& step) {
  const Activation input = step.activation(0);
  if (step.constant(1).sampled) {
    return read_gather_in_order(step, input);
  }
  const std::int64_t rank = rank_of(step.draft().shape(input.value), input.batch);
  const std::int64_t onnx_axis = Step::axis(step.integer("axis", 0), rank);
  const std::int64_t axis = inner_axis(step, input, onnx_axis);
  const at::Tensor listed = step.constant(1).value;
  std::vector<std::int64_t> indices = step.integers(1);
  const std::int64_t side = step.draft().shape(input.value)[static_cast<std::size_t>(axis)];
  for (std::int64_t& index : indices) {
    index = Step::axis(index, side);
  }
  const auto parts = runs(indices);
  if (parts.empty() || parts.size() > kMostSlices) {
    fail_input("it picks {} parts of an axis; 1 to {} are supported", parts.size(), kMostSlices);
  }
  std::vector<DraftId> slices;
  for (const auto& [start, end] : parts) {
    slices.push_back(sliced(step, input.value, axis, start, end));
  }
  DraftId value = slices.size() == 1
                      ? slices.front()
                      : step.add_helper({.type = "concat", .attributes = {{"axis", axis}}, .inputs = slices});
  BatchAxis batch = input.batch;
  if (listed.dim() != 1) {  // the axes of the indices take the place of the one; one index has none
    Shape shape = step.draft().shape(value);
    shape.erase(shape.begin() + axis);
    shape.insert(shape.begin() + axis, listed.sizes().begin(), listed.sizes().end());
    value = with_shape(step, value, shape);
    batch.axis += onnx_axis < batch.axis ? listed.dim() - 1 : 0;
  }
  step.set(Activation{value, batch});
}

void read_concat(Step& step) {
  std::optional<Activation> first;
  for (std::size_t i = 0; i < step.inputs() && !first; ++i) {
    first = step.is_activation(i) ? std::optional(step.activation(i)) : std::nullopt;
  }
  const std::int64_t rank = rank_of(step.draft().shape(first->value), first->batch);
  const std::int64_t axis = inner_axis(step, *first, step.integer("axis", 1));
  DraftNode node{.type = "concat"};
  if (axis != 0) {
    node.attributes["axis"] = axis;
  }
  for (std::size_t i = 0; i < step.inputs(); ++i) {
    if (step.is_constant(i)) {
      if (step.constant(i).value.dim() != rank || step.translation().fixed_batch() != 1) {
        fail_input("its input '{}' is a constant without the batch of the others", step.input_name(i));
      }
      node.inputs.push_back(constant_node(step, step.constant(i), first->batch, rank, "shift"));
      continue;
    }
    const Activation input = step.activation(i);
    if (input.batch != first->batch) {
      fail_input("its inputs have their batches on different axes");
    }
    node.inputs.push_back(input.value);
  }
  if (node.inputs.size() == 1) {
    step.set(*first);
  } else {
    step.add(std::move(node), first->batch);
  }
}

void read_pad(Step& step) {
  const Activation input = step.activation(0);
  const std::string mode = step.word("mode", "constant");
  const std::vector<std::int64_t> pads = step.integers("pads", 1);
  const double value = step.has_input(2) ? step.number(2) : step.number("value", 0.0);
  const std::size_t graph_rank = step.draft().shape(input.value).size();
  const std::int64_t rank = rank_of(step.draft().shape(input.value), input.batch);
  std::vector<std::int64_t> axes = step.has_input(3) ? step.integers(3) : std::vector<std::int64_t>();
  for (std::int64_t axis = 0; !step.has_input(3) && axis < rank; ++axis) {
    axes.push_back(axis);
  }
  if (mode != "constant" || pads.size() != 2 * axes.size()) {
    fail_input("it pads in mode '{}' by {} numbers for {} axes; the mode 'constant' with two for each is supported",
               mode, pads.size(), axes.size());
  }
  std::vector<std::int64_t> padding(2 * graph_rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t begin = pads[i];
    const std::int64_t end = pads[axes.size() + i];
    if (begin < 0 || end < 0) {
      fail_input("it pads by {} and {}: negative padding is not supported", begin, end);
    }
    if (begin > 0 || end > 0) {
      const auto axis = static_cast<std::size_t>(inner_axis(step, input, axes[i]));
      padding[axis] = begin;
      padding[graph_rank + axis] = end;
    }
  }
  if (std::ranges::all_of(padding, [](std::int64_t number) { return number == 0; })) {
    step.set(input);
    return;
  }
  DraftNode node{.type = "pad", .attributes = {{"padding", padding}}, .inputs = {input.value}};
  if (value != 0) {
    node.attributes["value"] = value;
  }
  step.add(std::move(node), input.batch);
}

}  // namespace ntt::onnx_import
