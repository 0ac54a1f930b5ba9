#include "ntt/sparse/plane_execution.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "ntt/core/parallel.h"
#include "ntt/ops/pooling.h"
#include "ntt/sparse/plane_images.h"
#include "ntt/sparse/plane_kernels.h"

namespace ntt {
namespace {

/// Shares of channels, where what they cost pays for waking threads: `work` floats a channel.
template <typename Body>
void for_channels(std::int64_t channels, std::int64_t work, Body&& body) {
  parallel_for_work(channels, std::max<std::int64_t>(work / 4, 1),
                    [&](std::int64_t first, std::int64_t last, int) { body(first, last); });
}

}  // namespace

const std::int32_t* PlaneExecution::keep(ValueId value) const {
  const std::vector<std::int32_t>& keep = plan_.keeps[plan_.keep_of[value]];
  return planes(value).features() ? nullptr : keep.data();
}

void PlaneExecution::run(const float* input, float* output) const {
  const Planes& from = planes(plan_.input);
  clear_around(plan_.input);
  for_channels(from.channels, from.plane, [&](std::int64_t first, std::int64_t last) {
    load_planes(from, input, first, last, data(plan_.input));
  });
  for (const PlaneStep& step : plan_.steps) {
    run_step(step);
  }
  store_planes(planes(plan_.output), data(plan_.output), 0, planes(plan_.output).channels, output);
}

void PlaneExecution::run_step(const PlaneStep& step) const {
  clear_around(step.lowered.output);
  switch (step.lowered.kind) {
    case LoweredStep::Kind::product:
      return product(step);
    case LoweredStep::Kind::max_pool:
      return max_pool(step);
    case LoweredStep::Kind::mean:
      return mean(step.lowered);
    case LoweredStep::Kind::sum:
      return sum(step.lowered);
    case LoweredStep::Kind::scale:
      return scale(step.lowered);
    case LoweredStep::Kind::activate:
      return activate(step.lowered, step.lowered.inputs.front());
    case LoweredStep::Kind::concat:
      return concat(step.lowered);
    case LoweredStep::Kind::dense:
      return dense(step);
  }
}

/// What no step writes of a value's memory: the zeros ahead of the first plane, and what is read behind the last.
void PlaneExecution::clear_around(ValueId value) const {
  const Planes& p = planes(value);
  std::fill_n(data(value), p.before, 0.0F);
  std::fill(data(value) + p.before + p.channels * p.plane, data(value) + p.size(), 0.0F);
}

void PlaneExecution::copy_phases(const PlaneLayer& layer, ValueId input) const {
  const Planes& from = planes(input);
  for_channels(from.channels, from.plane, [&](std::int64_t first, std::int64_t last) {
    ntt::copy_phases(*layer.copy, from, data(input), first, last, workspace_ + layer.copy_at);
  });
}

void PlaneExecution::product(const PlaneStep& step) const {
  const PlaneLayer& layer = plan_.layers[step.index];
  const ValueId input = step.lowered.inputs.front();
  const ValueId output = step.lowered.output;
  const Planes& to = planes(output);
  PlaneProduct p;
  p.begins = layer.begins.data();
  p.blocks = layer.blocks;
  p.outputs = layer.outputs.data();
  p.offsets = layer.offsets.data();
  p.values = layer.values.data();
  p.bias = layer.bias.data();
  p.rows = layer.rows();
  p.source = body(input);
  if (layer.copy) {
    copy_phases(layer, input);
    p.source = workspace_ + layer.copy_at;
  }
  p.residual = step.lowered.residual ? body(*step.lowered.residual) : nullptr;
  p.sums = body(output);
  p.to = {keep(output), to.run(), to.plane};
  p.activation = step.lowered.activation;
  for (const std::int32_t output_channel : layer.unread) {
    // What is behind a plane is padding of the next one, too.
    float* plane = p.sums + output_channel * to.plane;
    std::fill(plane + (to.height - 1) * to.pitch + to.width - 1, plane + to.plane, 0.0F);
  }
  const auto multiply = to.features() ? feature_product : plane_product;
  const std::int64_t shares = threads();
  const std::int64_t work = (layer.entries() + 2 * layer.rows()) * to.run() / 8;
  parallel_for_work(shares, std::max<std::int64_t>(work / shares, 1), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t share = begin; share < end; ++share) {
      multiply(p, share, shares);
    }
  });
}

void PlaneExecution::max_pool(const PlaneStep& step) const {
  const ValueId input = step.lowered.inputs.front();
  const ValueId output = step.lowered.output;
  const PoolGeometry& geometry = plan_.pools[step.index];
  for_channels(planes(output).channels, planes(input).plane, [&](std::int64_t first, std::int64_t last) {
    pool_planes(geometry, planes(input), data(input), planes(output), first, last, data(output));
  });
  if (!step.lowered.activation.identity()) {
    activate(step.lowered, output);
  }
}

void PlaneExecution::mean(const LoweredStep& step) const {
  const ValueId input = step.inputs.front();
  const Planes& from = planes(input);
  const float positions = static_cast<float>(from.height * from.width);
  float* to = body(step.output);
  for_channels(from.channels, from.plane, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      to[c] = from.features() ? body(input)[c] : sum_values(body(input) + c * from.plane, from.run()) / positions;
    }
  });
  if (!step.activation.identity()) {
    activate_values(to, step.activation, nullptr, from.channels, to);
  }
}

/// Calls body(keep, first, size) on runs of a value: features in one, images a plane at a time.
template <typename Body>
void for_each_run(const Planes& planes, const std::int32_t* keep, Body&& body) {
  if (planes.features()) {
    body(keep, 0, planes.channels);
    return;
  }
  for_channels(planes.channels, planes.plane, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      body(keep, c * planes.plane, planes.plane);
    }
  });
}

void PlaneExecution::sum(const LoweredStep& step) const {
  for_each_run(planes(step.output), keep(step.output),
               [&](const std::int32_t* keep, std::int64_t at, std::int64_t size) {
                 add_values(body(step.inputs[0]) + at, body(step.inputs[1]) + at, step.activation, keep, size,
                            body(step.output) + at);
               });
}

void PlaneExecution::scale(const LoweredStep& step) const {
  const bool alike = plan_.shapes[step.inputs[0]] == plan_.shapes[step.inputs[1]];
  if (!alike) {
    const bool first = plan_.shapes[step.inputs[0]] == plan_.shapes[step.output];
    scale_channels(step, step.inputs[first ? 0 : 1], step.inputs[first ? 1 : 0]);
    return;
  }
  for_each_run(planes(step.output), keep(step.output),
               [&](const std::int32_t* keep, std::int64_t at, std::int64_t size) {
                 multiply_values(body(step.inputs[0]) + at, body(step.inputs[1]) + at, step.activation, keep, size,
                                 body(step.output) + at);
               });
}

void PlaneExecution::scale_channels(const LoweredStep& step, ValueId images, ValueId factors) const {
  for_each_run(planes(step.output), keep(step.output),
               [&](const std::int32_t* keep, std::int64_t at, std::int64_t size) {
                 scale_values(body(images) + at, body(factors)[at / planes(step.output).plane], step.activation, keep,
                              size, body(step.output) + at);
               });
}

void PlaneExecution::activate(const LoweredStep& step, ValueId from) const {
  for_each_run(planes(step.output), keep(step.output),
               [&](const std::int32_t* keep, std::int64_t at, std::int64_t size) {
                 activate_values(body(from) + at, step.activation, keep, size, body(step.output) + at);
               });
}

void PlaneExecution::concat(const LoweredStep& step) const {
  float* to = body(step.output);
  for (const ValueId input : step.inputs) {
    to = std::copy_n(body(input), body_size(input), to);
  }
}

void PlaneExecution::dense(const PlaneStep& step) const {
  const c10::InferenceMode without_autograd;
  const DenseNode& node = plan_.nodes[step.index];
  Tensors inputs;
  for (const ValueId input : step.lowered.inputs) {
    Shape shape{1};
    shape.insert(shape.end(), plan_.shapes[input].begin(), plan_.shapes[input].end());
    inputs.push_back(at::empty(shape, at::kFloat));
    store_planes(planes(input), data(input), 0, planes(input).channels, inputs.back().data_ptr<float>());
  }
  NodeTape tape;
  tape.batch = 1;
  tape.wants_input.assign(inputs.size(), false);
  const at::Tensor output = node.op->forward(inputs, node.bound, tape).contiguous();
  load_planes(planes(step.lowered.output), output.data_ptr<float>(), 0, planes(step.lowered.output).channels,
              data(step.lowered.output));
}

}  // namespace ntt
