#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/onnx/conversions.h"
#include "ntt/onnx/layout.h"

namespace ntt::onnx_import {
namespace {

/// The sizes of the axes that a pool works over.
Shape pooled_sizes(Step& step, const Activation& input) {
  check_batch_first(step, input);
  const Shape& shape = step.draft().shape(input.value);
  if (shape.size() < 2 || shape.size() > 3) {
    fail_input("its input is {}; pools over 1 and 2 axes beside batch and channels are supported",
               to_string(sides_of(shape, input.batch)));
  }
  return {shape.begin() + 1, shape.end()};
}

DraftNode pool_node(Step& step, const char* type, const Activation& input) {
  const Window window = read_window(step, pooled_sizes(step, input), {});
  DraftNode node{.type = type, .inputs = {input.value}};
  set_window(node.attributes, window, true);
  if (step.integer("ceil_mode", 0) != 0) {
    node.attributes["ceil_mode"] = true;
  }
  return node;
}

/// What a reduction works over.
struct Reduction {
  Activation input;
  std::vector<std::int64_t> axes;  ///< of the graph, ascending; empty: nothing is reduced
  BatchAxis batch;                 ///< of the output
  bool keeps_axes;
};

Reduction reduction(Step& step) {
  Reduction reduction{step.activation(0), {}, {}, step.integer("keepdims", 1) != 0};
  const std::int64_t rank = rank_of(step.draft().shape(reduction.input.value), reduction.input.batch);
  std::vector<std::int64_t> axes = step.integers("axes", 1);
  reduction.batch = reduction.input.batch;
  if (axes.empty() && step.integer("noop_with_empty_axes", 0) != 0) {
    return reduction;
  }
  for (std::int64_t axis = 0; axes.empty() && axis < rank; ++axis) {
    axes.push_back(axis - rank);  // all of them, also the batch: refused below
  }
  for (const std::int64_t axis : axes) {
    reduction.axes.push_back(inner_axis(step, reduction.input, axis));
    if (!reduction.keeps_axes && Step::axis(axis, rank) < reduction.input.batch.axis) {
      --reduction.batch.axis;
    }
  }
  std::ranges::sort(reduction.axes);
  if (std::ranges::adjacent_find(reduction.axes) != reduction.axes.end()) {
    fail_input("it names an axis twice");
  }
  return reduction;
}

DraftNode reduction_node(const char* type, const Reduction& reduction) {
  DraftNode node{.type = type, .attributes = {{"axes", reduction.axes}}, .inputs = {reduction.input.value}};
  if (reduction.keeps_axes) {
    node.attributes["keep_axes"] = true;
  }
  return node;
}

void reduce(Step& step, const char* type) {
  const Reduction over = reduction(step);
  if (over.axes.empty()) {
    step.set(over.input);
  } else {
    step.add(reduction_node(type, over), over.batch);
  }
}

/// The largest entry of each channel: a pool whose window is everything.
void global_max(Step& step, const Activation& input, bool keeps_axes) {
  const Shape sizes = pooled_sizes(step, input);
  DraftNode node{.type = "max-pool", .attributes = {{"kernel", sizes_attribute(sizes)}}, .inputs = {input.value}};
  if (keeps_axes) {
    step.add(std::move(node), {});
  } else {
    const Shape channels{step.draft().shape(input.value).front()};
    step.set(Activation{with_shape(step, step.add_helper(std::move(node)), channels), {}});
  }
}

}  // namespace

void read_max_pool(Step& step) {
  step.add(pool_node(step, "max-pool", step.activation(0)), {});
}

void read_average_pool(Step& step) {
  DraftNode node = pool_node(step, "average-pool", step.activation(0));
  if (node.attributes.erase("dilation") > 0) {
    fail_input("it has dilations, which are supported in max pools and convolutions only");
  }
  // Where nothing is padded, nothing is counted: the default then says the same.
  if (step.integer("count_include_pad", 0) == 0 && node.attributes.contains("padding")) {
    node.attributes["count_include_pad"] = false;
  }
  step.add(std::move(node), {});
}

void read_global_average_pool(Step& step) {
  const Activation input = step.activation(0);
  check_batch_first(step, input);
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 1; axis < step.draft().shape(input.value).size(); ++axis) {
    axes.push_back(static_cast<std::int64_t>(axis));
  }
  if (axes.empty()) {
    step.set(input);
  } else {
    step.add(reduction_node("reduce-mean", {input, axes, {}, true}), {});
  }
}

void read_global_max_pool(Step& step) {
  global_max(step, step.activation(0), true);
}

void read_reduce_mean(Step& step) {
  reduce(step, "reduce-mean");
}

void read_reduce_sum(Step& step) {
  reduce(step, "reduce-sum");
}

void read_reduce_max(Step& step) {
  const Reduction over = reduction(step);
  const auto pooled = static_cast<std::int64_t>(pooled_sizes(step, over.input).size());
  if (static_cast<std::int64_t>(over.axes.size()) != pooled || over.axes.front() != 1) {
    fail_input("it is supported only over all axes but batch and channels");
  }
  global_max(step, over.input, over.keeps_axes);
}

}  // namespace ntt::onnx_import
