#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"

namespace ntt::onnx_import {
namespace {

std::vector<Side> input_sides(Step& step, const Activation& input) {
  return sides_of(step.draft().shape(input.value), input.batch);
}

/// The sides that a constant list names.
std::vector<Side> listed_sides(Step& step, std::size_t i) {
  const Constant& list = step.known(i);
  if (list.value.dim() != 1 || list.value.scalar_type() != at::kLong) {
    fail_input("its shape '{}' is not a list of whole numbers", step.input_name(i));
  }
  std::vector<Side> sides;
  for (std::int64_t k = 0; k < list.value.numel(); ++k) {
    const bool batch = list.batch.defined() && list.batch[k].item<bool>();
    sides.push_back({list.value[k].item<std::int64_t>(), batch});
  }
  if (std::ranges::count_if(sides, [](const Side& side) { return side.batch; }) > 1) {
    fail_input("its shape '{}' names the batch twice", step.input_name(i));
  }
  return sides;
}

/// The axis of the batch when sides of one entry come and go: where it was.
BatchAxis moved(const BatchAxis& batch, std::int64_t axis) {
  return {axis, batch.outer, batch.inner};
}

Shape without_batch(const std::vector<Side>& sides) {
  Shape shape;
  for (const Side& side : sides) {
    if (!side.batch || side.size != 1) {
      shape.push_back(side.size);
    }
  }
  return shape;
}

void set_sides(Step& step, const Activation& input, const std::vector<Side>& sides) {
  const auto axis = std::ranges::find_if(sides, [](const Side& side) { return side.batch; }) - sides.begin();
  step.set(Activation{with_shape(step, input.value, without_batch(sides)), moved(input.batch, axis)});
}

}  // namespace

std::vector<std::int64_t> listed_axes(Step& step, std::int64_t rank) {
  std::vector<std::int64_t> axes = step.integers("axes", 1);
  for (std::int64_t& axis : axes) {
    axis = Step::axis(axis, rank);
  }
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) {
    fail_input("it names an axis twice");
  }
  return axes;
}

std::vector<std::int64_t> permutation(Step& step, std::int64_t rank) {
  std::vector<std::int64_t> order = step.integers("perm");
  if (!step.has("perm")) {
    order.resize(static_cast<std::size_t>(rank));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  std::vector<std::int64_t> sorted = order;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  if (sorted != axes) {
    fail_input("its perm is no order of the {} axes of its input", rank);
  }
  return order;
}

void read_flatten(Step& step) {
  const Activation input = step.activation(0);
  const std::vector<Side> sides = input_sides(step, input);
  const auto rank = static_cast<std::int64_t>(sides.size());
  const std::int64_t given = step.integer("axis", 1);
  const std::int64_t axis = given == rank ? rank : Step::axis(given, rank);  // all axes may be before it
  Side before;
  Side behind;
  for (std::int64_t i = 0; i < rank; ++i) {
    const Side& side = sides[static_cast<std::size_t>(i)];
    Side& side_of = i < axis ? before : behind;
    side_of = {side_of.size * side.size, side_of.batch || side.batch};
  }
  step.set(reshaped(step, input, {before, behind}, false));
}

void read_reshape(Step& step) {
  step.set(reshaped(step, step.activation(0), listed_sides(step, 1), step.integer("allowzero", 0) == 0));
}

void read_squeeze(Step& step) {
  const Activation input = step.activation(0);
  std::vector<Side> sides = input_sides(step, input);
  const bool named = step.has_integers("axes", 1);
  std::vector<std::int64_t> axes;
  if (named) {
    axes = listed_axes(step, static_cast<std::int64_t>(sides.size()));
  } else if (step.translation().fixed_batch() == 1) {
    fail_input("it names no axes, so that it would also take away the batch of one");
  }
  std::vector<Side> kept;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const bool goes =
        named ? std::ranges::binary_search(axes, static_cast<std::int64_t>(i)) : !sides[i].batch && sides[i].size == 1;
    if (goes && (sides[i].batch || sides[i].size != 1)) {
      fail_input("it takes away axis {} of {}, which is not of one entry", i, to_string(sides));
    }
    if (!goes) {
      kept.push_back(sides[i]);
    }
  }
  set_sides(step, input, kept);
}

void read_unsqueeze(Step& step) {
  const Activation input = step.activation(0);
  std::vector<Side> sides = input_sides(step, input);
  const auto more = static_cast<std::int64_t>(step.integers("axes", 1).size());
  for (const std::int64_t axis : listed_axes(step, static_cast<std::int64_t>(sides.size()) + more)) {
    sides.insert(sides.begin() + axis, Side{1, false});
  }
  set_sides(step, input, sides);
}

void read_transpose(Step& step) {
  const Activation input = step.activation(0);
  const std::int64_t rank = rank_of(step.draft().shape(input.value), input.batch);
  const std::vector<std::int64_t> order = permutation(step, rank);
  const BatchAxis batch = moved(input.batch, std::ranges::find(order, input.batch.axis) - order.begin());
  std::vector<std::int64_t> axes;
  for (const std::int64_t axis : order) {
    if (axis != input.batch.axis) {
      axes.push_back(*graph_axis(input.batch, axis));
    } else if (input.batch.factor() != 1) {
      axes.push_back(axis);
    }
  }
  if (std::ranges::is_sorted(axes)) {
    step.set(Activation{input.value, batch});
  } else {
    step.add({.type = "transpose", .attributes = {{"axes", axes}}, .inputs = {input.value}}, batch);
  }
}

/// Of a value that depends on the input only to what it is already, with leading axes of one at most.
void read_expand(Step& step) {
  const Activation input = step.activation(0);
  const std::vector<Side> sides = input_sides(step, input);
  const std::vector<Side> wanted = listed_sides(step, 1);
  std::vector<Side> result = sides;
  for (std::size_t i = sides.size(); i < wanted.size(); ++i) {
    result.insert(result.begin(), Side{1, false});
  }
  for (std::size_t i = 1; i <= wanted.size(); ++i) {
    const Side& there = result[result.size() - i];
    const Side& side = wanted[wanted.size() - i];
    const auto fixed = step.translation().fixed_batch();
    const bool alike = side.size == there.size && side.batch == there.batch;
    if (!alike && (side.batch || side.size != 1) && !(there.batch && fixed && side.size == there.size * *fixed)) {
      fail_input("it repeats {} to {}, which is not supported", to_string(sides), to_string(wanted));
    }
  }
  set_sides(step, input, result);
}

void read_shape(Step& step) {
  const std::vector<Side> sides = input_sides(step, step.activation(0));
  const auto rank = static_cast<std::int64_t>(sides.size());
  const auto clamped = [&](std::int64_t place) {
    return std::clamp<std::int64_t>(place < 0 ? place + rank : place, 0, rank);
  };
  const std::int64_t start = clamped(step.integer("start", 0));
  const std::int64_t end = std::max(start, clamped(step.integer("end", rank)));
  const at::Tensor value = at::empty({end - start}, at::kLong);
  const at::Tensor batch = at::empty({end - start}, at::kBool);
  for (std::int64_t i = start; i < end; ++i) {
    value.data_ptr<std::int64_t>()[i - start] = sides[static_cast<std::size_t>(i)].size;
    batch.data_ptr<bool>()[i - start] = sides[static_cast<std::size_t>(i)].batch;
  }
  step.set(Constant{value, batch, ""});
}

void read_size(Step& step) {
  std::int64_t count = 1;
  for (const Side& side : input_sides(step, step.activation(0))) {
    count *= side.size;
  }
  step.set(Constant{at::scalar_tensor(count, at::kLong), at::ones({}, at::kBool), ""});
}

}  // namespace ntt::onnx_import
