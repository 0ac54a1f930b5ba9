#include "ntt/onnx/layout.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "ntt/core/error.h"

namespace ntt::onnx_import {
namespace {

constexpr std::int64_t kMostEntries = std::int64_t{1} << 37;  // times any size of a batch: no overflow

constexpr std::string_view kValueSuffix = ".value";  // of the parameter of a node of ours that is one

/// The product of sides; InputError where one is not positive or they are too many.
std::int64_t product(const std::vector<Side>& sides, std::size_t first, std::size_t last) {
  std::int64_t count = 1;
  for (std::size_t i = first; i < last; ++i) {
    if (sides[i].size <= 0 || count > kMostEntries / sides[i].size) {
      fail_input("its output of {} is no shape that a value can have", to_string(sides));
    }
    count *= sides[i].size;
  }
  return count;
}

std::optional<std::size_t> find_side(const std::vector<Side>& sides, auto condition) {
  const auto found = std::ranges::find_if(sides, condition);
  return found == sides.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - sides.begin()));
}

bool is_batch(const Side& side) {
  return side.batch;
}

/// Puts sizes in the place of 0 and -1. `there` are the sides as they are.
void resolve(std::vector<Side>& sides, const std::vector<Side>& there, bool copies_zeros,
             std::optional<std::int64_t> fixed_batch) {
  for (std::size_t i = 0; i < sides.size() && copies_zeros; ++i) {
    if (sides[i].size == 0 && i < there.size()) {
      sides[i] = there[i];
    }
  }
  const auto left = find_side(sides, [](const Side& side) { return side.size == -1; });
  if (!left) {
    return;
  }
  // Where the file fixes the batch, its size can be hidden in any of the numbers.
  const bool names_batch = find_side(sides, is_batch).has_value();
  sides[*left].size = 1;
  std::int64_t total = product(there, 0, there.size());
  if (!names_batch && fixed_batch) {
    total *= *fixed_batch;
  } else {
    sides[*left].batch = !names_batch;
  }
  const std::int64_t others = product(sides, 0, sides.size());
  if (total % others != 0) {
    fail_input("{} does not fit into {}", to_string(there), to_string(sides));
  }
  sides[*left].size = total / others;
}

/// Finds the batch among sides that hide a fixed one: behind `before` entries. Most likely it is where it was; merged
/// with others it is rows of a matrix, or else still where it was: attention merges it with the heads.
void find_fixed_batch(std::vector<Side>& sides, std::int64_t before, std::int64_t batch, std::size_t where_it_was) {
  std::optional<std::size_t> whole;
  std::optional<std::size_t> merged;
  std::int64_t prefix = 1;
  const bool is_matrix = sides.size() == 2;
  for (std::size_t i = 0; i < sides.size() && prefix <= before; prefix *= std::max<std::int64_t>(sides[i++].size, 1)) {
    if (prefix == before && sides[i].size == batch) {
      whole = whole && i != where_it_was ? whole : i;
    } else if (before % prefix == 0 && sides[i].size % (before / prefix * batch) == 0) {
      merged = merged && (is_matrix || i != where_it_was) ? merged : i;
    }
  }
  const auto found = whole ? whole : merged;
  if (found) {
    sides[*found] = {sides[*found].size / batch, true};
  }
}

}  // namespace

std::optional<std::int64_t> graph_axis(const BatchAxis& batch, std::int64_t onnx_axis) {
  if (onnx_axis == batch.axis) {
    return std::nullopt;
  }
  return onnx_axis - (batch.factor() == 1 && onnx_axis > batch.axis ? 1 : 0);
}

std::int64_t inner_axis(Step& step, const Activation& activation, std::int64_t onnx_axis) {
  const Shape& shape = step.draft().shape(activation.value);
  const std::int64_t axis = Step::axis(onnx_axis, rank_of(shape, activation.batch));
  const auto found = graph_axis(activation.batch, axis);
  if (!found) {
    fail_input("it works along axis {} of {}, which would mix the inputs of a batch", axis,
               to_string(sides_of(shape, activation.batch)));
  }
  return *found;
}

void check_batch_first(Step& step, const Activation& activation) {
  if (activation.batch != BatchAxis{}) {
    fail_input("its input is {}, but must have the batch, and nothing else, as its first axis",
               to_string(sides_of(step.draft().shape(activation.value), activation.batch)));
  }
}

bool batches_meet(Step& step, const Activation& a, const Activation& b) {
  const std::int64_t rank_a = rank_of(step.draft().shape(a.value), a.batch);
  const std::int64_t rank_b = rank_of(step.draft().shape(b.value), b.batch);
  return rank_a - a.batch.axis == rank_b - b.batch.axis && a.batch.outer == b.batch.outer &&
         a.batch.inner == b.batch.inner;
}

DraftId with_shape(Step& step, DraftId value, const Shape& shape) {
  // A chain of them is one: what was before the first is seen with the shape of the last.
  const DraftNode* before = step.draft().node(value);
  while (before != nullptr && (before->type == "reshape" || before->type == "flatten")) {
    value = before->inputs.front();
    before = step.draft().node(value);
  }
  if (step.draft().shape(value) == shape) {
    return value;
  }
  if (shape.size() == 1) {
    return step.add_helper({.type = "flatten", .inputs = {value}});
  }
  return step.add_helper({.type = "reshape", .attributes = {{"shape", shape}}, .inputs = {value}});
}

Activation reshaped(Step& step, const Activation& activation, std::vector<Side> sides, bool copies_zeros) {
  const std::vector<Side> there = sides_of(step.draft().shape(activation.value), activation.batch);
  const std::string wanted = to_string(sides);
  const auto fixed = step.translation().fixed_batch();
  resolve(sides, there, copies_zeros, fixed);
  product(sides, 0, sides.size());
  const auto axis_there = static_cast<std::size_t>(activation.batch.axis);
  const std::int64_t before = product(there, 0, axis_there) * activation.batch.outer;
  const std::int64_t behind = product(there, axis_there + 1, there.size()) * activation.batch.inner;
  if (!find_side(sides, is_batch) && fixed) {
    find_fixed_batch(sides, before, *fixed, axis_there);
  }
  const auto axis = find_side(sides, is_batch);
  if (!axis) {
    fail_input("its output of {} has no axis for the batch of {}", wanted, to_string(there));
  }
  const std::int64_t prefix = product(sides, 0, *axis);
  BatchAxis batch{static_cast<std::int64_t>(*axis), before / prefix, 1};
  if (batch.outer > 0 && sides[*axis].size % batch.outer == 0) {
    batch.inner = sides[*axis].size / batch.outer;
  }
  if (prefix * batch.outer != before || batch.inner * product(sides, *axis + 1, sides.size()) != behind ||
      batch.factor() != sides[*axis].size) {
    fail_input("it makes {} of {}, which would mix the inputs of a batch", wanted, to_string(there));
  }
  Shape shape;
  for (const Side& side : sides) {
    if (!side.batch || side.size != 1) {
      shape.push_back(side.size);
    }
  }
  return {with_shape(step, activation.value, shape), batch};
}

DraftId constant_node(Step& step, const Constant& constant, const BatchAxis& batch, std::int64_t rank,
                      std::string_view role) {
  if (constant.batch.defined() || constant.sampled || !constant.value.is_floating_point()) {
    fail_input("it meets a constant that is not of floats");
  }
  at::Tensor value = constant.value.dim() == 0 ? constant.value.unsqueeze(0) : constant.value;
  const std::int64_t batch_from_right = rank - batch.axis;
  if (value.dim() >= batch_from_right) {
    const std::int64_t axis = value.dim() - batch_from_right;
    if (value.size(axis) != 1) {
      fail_input("it meets a constant of {}, which has {} entries along the batch", to_string(value.sizes().vec()),
                 value.size(axis));
    }
    value = batch.factor() == 1 ? value.squeeze(axis) : value;
  }
  const auto graph_rank = rank - (batch.factor() == 1 ? 1 : 0);
  while (value.dim() > std::max<std::int64_t>(graph_rank, 1) && value.size(0) == 1) {
    value = value.squeeze(0);
  }
  DraftNode node{.type = "parameter"};
  node.attributes["shape"] = value.sizes().vec();
  node.attributes["role"] = std::string(constant.trained ? role : "constant");
  node.parameters["value"] = {value, constant.origin};
  const DraftId added = step.add_helper(std::move(node));
  if (!constant.origin.empty()) {
    const bool is_ours = constant.origin.ends_with(kValueSuffix);
    const std::size_t length = constant.origin.size() - (is_ours ? kValueSuffix.size() : 0);
    step.draft().rename(added, constant.origin.substr(0, length));
  }
  return added;
}

}  // namespace ntt::onnx_import
