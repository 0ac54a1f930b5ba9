#include <ATen/ATen.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"
#include "ntt/onnx/look.h"
#include "ntt/onnx/patterns.h"

namespace ntt::onnx_import {
namespace {

/// A part of an axis.
struct Part {
  std::int64_t start;
  std::int64_t size;
};

/// The place that SequenceAt asks for among so many, counted from the front.
std::int64_t place_of(Step& step, std::int64_t count) {
  const std::vector<std::int64_t> index = step.integers(1);
  if (index.size() != 1 || index.front() < -count || index.front() >= count) {
    fail_input("it takes the part {} of a sequence of {}", fmt::join(index, ", "), count);
  }
  return index.front() < 0 ? index.front() + count : index.front();
}

Part listed_part(Step& step, std::int64_t side, const std::vector<std::int64_t>& sizes) {
  std::int64_t left = side;
  for (const std::int64_t size : sizes) {
    if (size <= 0 || size > left) {
      fail_input("the sequence's parts of {} do not fit an axis of {}", fmt::join(sizes, ", "), side);
    }
    left -= size;
  }
  if (left != 0) {
    fail_input("the sequence's parts of {} are not an axis of {}", fmt::join(sizes, ", "), side);
  }
  const auto place = sizes.begin() + place_of(step, static_cast<std::int64_t>(sizes.size()));
  return {std::accumulate(sizes.begin(), place, std::int64_t{0}), *place};
}

/// The part of an axis that SequenceAt takes: SplitToSequence lists the sizes, or names one for all but the last.
Part part_of(Step& step, Step& split, std::int64_t side) {
  if (split.has_input(1) && split.constant(1).value.dim() > 0) {
    return listed_part(step, side, split.integers(1));
  }
  if (!split.has_input(1) && split.integer("keepdims", 1) == 0) {
    fail_input("a sequence of parts without the axis that they are cut from is not supported");
  }
  const std::int64_t size = std::min(split.has_input(1) ? split.integers(1).front() : 1, side);
  if (size <= 0) {
    fail_input("the sequence's parts of {} do not fit an axis of {}", size, side);
  }
  const std::int64_t start = size * place_of(step, (side - 1) / size + 1);
  return {start, std::min(size, side - start)};
}

Constant part_of_constant(Step& step, Step& split) {
  Constant part = split.constant(0);
  const std::int64_t axis = Step::axis(split.integer("axis", 0), part.value.dim());
  const auto [start, size] = part_of(step, split, part.value.size(axis));
  part.value = part.value.narrow(axis, start, size);
  if (part.batch.defined()) {
    part.batch = part.batch.narrow(axis, start, size);
  }
  return part;
}

}  // namespace

void read_split_to_sequence(Step& /*step*/) {
  fail_input("its sequence is supported where SequenceAt takes one part of it");
}

bool ends_sequence(Step& step) {
  const ::onnx::NodeProto* node = Look(step.translation()).made_by(step.input_name(0), "SplitToSequence");
  if (node == nullptr) {
    return false;
  }
  Step split(step.translation(), *node);
  if (split.is_constant(0)) {
    step.set(part_of_constant(step, split));
    return true;
  }
  const Activation input = split.activation(0);
  const std::int64_t axis = inner_axis(split, input, split.integer("axis", 0));
  const std::int64_t side = step.draft().shape(input.value)[static_cast<std::size_t>(axis)];
  const auto [start, size] = part_of(step, split, side);
  if (size == side) {
    step.set(input);
  } else {
    step.add({.type = "slice",
              .attributes = {{"axis", axis}, {"start", start}, {"end", start + size}},
              .inputs = {input.value}},
             input.batch);
  }
  return true;
}

}  // namespace ntt::onnx_import
