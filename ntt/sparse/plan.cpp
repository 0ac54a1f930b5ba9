#include "ntt/sparse/plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/threads.h"
#include "ntt/sparse/layer_index.h"

namespace ntt {
namespace {

std::int64_t number(const LayerSpec& spec, const char* key, std::int64_t otherwise) {
  const auto found = spec.numbers.find(key);
  return found == spec.numbers.end() ? otherwise : found->second;
}

/// One layer, without its weights.
SparseLayer shape_of(const Parameter& weight) {
  SparseLayer layer;
  layer.name = weight.name.substr(0, weight.name.rfind('.'));
  layer.outputs = weight.shape[0];
  layer.inputs = weight.shape[1];
  layer.convolution = weight.shape.size() == 4;
  layer.masked = weight.mask.defined();
  layer.kernel_height = weight.geometry.kernel_height;
  layer.kernel_width = weight.geometry.kernel_width;
  layer.stride = weight.geometry.stride;
  layer.padding = weight.geometry.padding;
  const std::int64_t weights = layer.outputs * weight.geometry.patch();
  if (weights >= std::numeric_limits<std::int32_t>::max()) {
    fail_input("layer '{}' has {} weights, more than sparse execution can number", layer.name, weights);
  }
  return layer;
}

/// Copies a layer's stored weights: those that its mask keeps.
void store_weights(SparseLayer& layer, const Parameter& weight) {
  const at::Tensor values = weight.effective.reshape({layer.outputs, -1});
  const at::Tensor kept = weight.mask.defined() ? weight.mask.reshape({layer.outputs, -1}).ne(0)
                                                : at::ones_like(values, values.options().dtype(at::kBool));
  const at::Tensor begins = at::zeros({layer.outputs + 1}, at::kInt);
  begins.narrow(0, 1, layer.outputs).copy_(kept.sum(1).cumsum(0));
  layer.row_begins.assign(begins.data_ptr<std::int32_t>(), begins.data_ptr<std::int32_t>() + layer.outputs + 1);
  const at::Tensor columns = kept.nonzero().select(1, 1).to(at::kInt).contiguous();
  layer.columns.assign(columns.data_ptr<std::int32_t>(), columns.data_ptr<std::int32_t>() + columns.numel());
  layer.weight = weight.kept_entries(weight.effective).to(at::kFloat);
}

/// Gives the input the halo that a layer reads, and says how its results lie.
BlockLayout lay_out_product(const Parameter& weight, BlockLayout& input) {
  const ConvGeometry& geometry = weight.geometry;
  input.halo = std::max(input.halo, geometry.padding);
  return {weight.shape[0], geometry.out_height(), geometry.out_width()};
}

/// Turns the specification into steps, taking the shapes of parameters in the order in which the network lists them.
class Planner {
 public:
  Planner(const Network& network, std::int64_t lanes) : parameters_(network.parameters()) {
    plan_.lanes = lanes;
    const Shape& input = network.spec().input;
    BlockLayout layout{input[0]};
    if (input.size() == 3) {
      layout.height = input[1];
      layout.width = input[2];
    }
    plan_.output = sequence(network.spec().layers, add_buffer(layout));
  }

  Plan take() { return std::move(plan_); }

 private:
  std::size_t add_buffer(const BlockLayout& layout) {
    PlanBuffer buffer;
    buffer.values = layout;
    buffer.values.lanes = plan_.lanes;
    buffer.gradients = buffer.values;
    plan_.buffers.push_back(buffer);
    return plan_.buffers.size() - 1;
  }

  std::size_t add_step(PlanStep step, const BlockLayout& output) {
    step.output = add_buffer(output);
    ++plan_.buffers[step.input].gradient_writers;
    plan_.buffers[step.output].needs_gradient =
        step.kind == PlanStep::Kind::product || plan_.buffers[step.input].needs_gradient;
    if (step.kind == PlanStep::Kind::add) {
      ++plan_.buffers[step.second].gradient_writers;
      plan_.buffers[step.output].needs_gradient |= plan_.buffers[step.second].needs_gradient;
    }
    plan_.steps.push_back(step);
    return step.output;
  }

  /// Returns the buffer of the last layer's output.
  std::size_t sequence(const std::vector<LayerSpec>& specs, std::size_t current) {
    bool step_before = false;  // a ReLU can be part of the step before it, within one sequence
    for (const LayerSpec& spec : specs) {
      if (spec.type == "flatten") {
        continue;  // a block of images is one of features as it lies
      }
      if (spec.type == "relu" && step_before && plan_.steps.back().kind != PlanStep::Kind::pointwise) {
        plan_.steps.back().rectify = true;
        plan_.buffers[current].rectified = true;
        step_before = false;
        continue;
      }
      current = layer(spec, current);
      step_before = true;
    }
    return current;
  }

  std::size_t layer(const LayerSpec& spec, std::size_t input) {
    if (spec.type == "linear" || spec.type == "conv2d") {
      return product(input);
    }
    if (spec.type == "residual") {
      return residual(spec, input);
    }
    PlanStep step;
    step.input = input;
    const BlockLayout& from = plan_.buffers[input].values;
    if (spec.type == "max-pool" || spec.type == "average-pool") {
      step.kind = spec.type == "max-pool" ? PlanStep::Kind::max_pool : PlanStep::Kind::average_pool;
      step.windows.kernel = number(spec, "kernel", 0);
      step.windows.stride = number(spec, "stride", step.windows.kernel);
      const auto pooled = [&](std::int64_t size) { return (size - step.windows.kernel) / step.windows.stride + 1; };
      return add_step(step, {from.channels, pooled(from.height), pooled(from.width)});
    }
    step.kind = PlanStep::Kind::pointwise;
    if (spec.type == "tanh") {
      step.function = Pointwise::tanh;
    } else if (spec.type == "gelu") {
      step.function = Pointwise::gelu;
    } else if (spec.type != "relu") {
      fail_input("sparse execution does not know layers of type '{}'", spec.type);
    }
    return add_step(step, {from.channels, from.height, from.width});
  }

  std::size_t product(std::size_t input) {
    const Parameter& weight = *parameters_[2 * plan_.layers.size()];
    PlanStep step;
    step.input = input;
    step.layer = plan_.layers.size();
    plan_.layers.push_back(shape_of(weight));
    return add_step(step, lay_out_product(weight, plan_.buffers[input].values));
  }

  std::size_t residual(const LayerSpec& spec, std::size_t input) {
    PlanStep step;
    step.kind = PlanStep::Kind::add;
    step.input = sequence(spec.body, input);
    step.second = sequence(spec.shortcut, input);
    const BlockLayout a = plan_.buffers[step.input].values;
    const BlockLayout b = plan_.buffers[step.second].values;
    if (a.channels != b.channels || a.height != b.height || a.width != b.width) {
      fail_input("sparse execution does not add a flattened image to a flat output, as a residual block here does");
    }
    return add_step(step, {a.channels, a.height, a.width});
  }

  const std::vector<const Parameter*>& parameters_;
  Plan plan_;
};

/// Makes 2 x 2 max-pooling a part of the convolution before it, whose results nobody else then needs: to answer, not to
/// train, as the gradient goes by them.
void fuse_pooling(Plan& plan) {
  std::vector<PlanStep> fused;
  for (const PlanStep& step : plan.steps) {
    const bool pools = step.kind == PlanStep::Kind::max_pool && step.windows.kernel == 2 && step.windows.stride == 2;
    PlanStep* before = fused.empty() ? nullptr : &fused.back();
    if (pools && before != nullptr && before->kind == PlanStep::Kind::product && !before->pool &&
        before->output == step.input && plan.layers[before->layer].convolution &&
        plan.buffers[step.input].gradient_writers == 1) {
      plan.buffers[before->output].fused_away = true;
      before->output = step.output;
      before->rectify |= step.rectify;
      before->pool = true;
      plan.layers[before->layer].pooled = true;
    } else {
      fused.push_back(step);
    }
  }
  plan.steps = std::move(fused);
}

/// Notes, from the output back, which channels of each buffer somebody reads.
void find_read_channels(Plan& plan) {
  for (PlanBuffer& buffer : plan.buffers) {
    buffer.read.assign(static_cast<std::size_t>(buffer.values.channels), 0);
  }
  std::vector<char>& output = plan.buffers[plan.output].read;
  std::fill(output.begin(), output.end(), 1);
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    const std::vector<char>& reads = plan.buffers[step->output].read;
    const auto read_too = [&](PlanBuffer& buffer) {
      for (std::size_t c = 0; c < reads.size(); ++c) {
        buffer.read[c] |= reads[c];
      }
    };
    if (step->kind == PlanStep::Kind::product) {
      mark_read_channels(plan.layers[step->layer], reads, plan.buffers[step->input]);
      continue;
    }
    read_too(plan.buffers[step->input]);
    if (step->kind == PlanStep::Kind::add) {
      read_too(plan.buffers[step->second]);
    }
  }
}

void choose_gradient_layouts(Plan& plan) {
  for (PlanStep& step : plan.steps) {
    PlanBuffer& input = plan.buffers[step.input];
    const bool overlapping = step.kind == PlanStep::Kind::max_pool || step.kind == PlanStep::Kind::average_pool
                                 ? step.windows.stride < step.windows.kernel
                                 : false;
    input.sums_gradients |= input.gradient_writers > 1 || overlapping;
    if (step.kind == PlanStep::Kind::add) {
      plan.buffers[step.second].sums_gradients |= plan.buffers[step.second].gradient_writers > 1;
    }
    if (step.kind == PlanStep::Kind::product) {
      choose_gradient_layout(plan.layers[step.layer], input, plan.buffers[step.output]);
    }
  }
}

void list_input_features(Plan& plan) {
  const PlanBuffer& input = plan.buffers.front();
  const std::int64_t positions = input.values.height * input.values.width;
  std::vector<char> read(static_cast<std::size_t>(input.values.features()), 0);
  // A network that begins with flatten reads pixel by pixel, others whole channels.
  for (const PlanStep& step : plan.steps) {
    if (step.input != 0 && (step.kind != PlanStep::Kind::add || step.second != 0)) {
      continue;
    }
    if (step.kind == PlanStep::Kind::product) {
      mark_read_features(plan.layers[step.layer], plan.buffers[step.output].read, positions, read);
    } else {
      std::fill(read.begin(), read.end(), 1);
    }
  }
  for (std::int64_t f = 0; f < input.values.features(); ++f) {
    if (read[static_cast<std::size_t>(f)] != 0) {
      plan.input_places.add(f, input.values);
    }
  }
}

void lay_out_workspace(Plan& plan, PlanFor purpose) {
  std::int64_t end = 0;
  const auto take = [&](std::int64_t floats) { return std::exchange(end, end + floats); };
  std::int64_t scratch = 0;
  for (PlanBuffer& buffer : plan.buffers) {
    if (buffer.fused_away) {
      continue;
    }
    buffer.values_at = take(buffer.values.size());
    if (purpose == PlanFor::training && buffer.needs_gradient) {
      buffer.gradients_at = take(buffer.gradients.size());
    }
  }
  for (SparseLayer& layer : plan.layers) {
    layer.gradient_at = std::exchange(plan.gradients, plan.gradients + layer.entries() + layer.outputs);
    if (purpose == PlanFor::training) {
      layer.dilated_at = take(layer.dilated.size());
      scratch = std::max(scratch, (layer.entries() + layer.outputs) * kLanes);
    }
  }
  plan.scratch_at = take(scratch);
  if (plan.lanes == 1) {
    take(kLanes);  // a register that begins in a last row reads beyond it
  }
  plan.workspace_floats = end;
}

/// Lays gradients out, and refuses what is too large.
void choose_layouts(Plan& plan) {
  choose_gradient_layouts(plan);
  for (const PlanBuffer& buffer : plan.buffers) {
    if (std::max(buffer.values.size(), buffer.gradients.size()) >= std::numeric_limits<std::int32_t>::max()) {
      fail_input("a layer's output is too large for sparse execution");
    }
  }
}

/// The steps and layouts, which depend on shapes alone.
Plan make_outline(const Network& network, PlanFor purpose, std::int64_t lanes) {
  Plan plan = Planner(network, lanes).take();
  if (purpose == PlanFor::inference && lanes == kLanes) {
    fuse_pooling(plan);
  }
  choose_layouts(plan);
  return plan;
}

/// What follows from the weights that are stored.
void index_weights(Plan& plan, PlanFor purpose) {
  find_read_channels(plan);
  for (const PlanStep& step : plan.steps) {
    if (step.kind == PlanStep::Kind::product) {
      SparseLayer& layer = plan.layers[step.layer];
      index_forward(layer, plan.buffers[step.input], plan.buffers[step.output], purpose);
      if (purpose == PlanFor::training && plan.buffers[step.input].needs_gradient) {
        index_backward(layer, plan.buffers[step.input], plan.buffers[step.output]);
      }
    }
  }
  for (const SparseLayer& layer : plan.layers) {
    plan.block_operations += layer.entries() * layer.results() * plan.lanes / kLanes;
  }
  list_input_features(plan);
  plan.output_places = all_features(plan.buffers[plan.output].values);
  lay_out_workspace(plan, purpose);
}

}  // namespace

void check_plan(const Network& network, PlanFor purpose) {
  make_outline(network, purpose, kLanes);
}

at::Tensor SparseLayer::spread(const at::Tensor& values) const {
  at::Tensor dense = convolution ? at::zeros({outputs, inputs, kernel_height, kernel_width}, values.options())
                                 : at::zeros({outputs, inputs}, values.options());
  const std::int64_t row_size = dense.numel() / outputs;
  const auto* from = values.data_ptr<float>();
  auto* to = dense.data_ptr<float>();
  parallel_for_work(outputs, entries() / outputs, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int32_t j = row_begins[static_cast<std::size_t>(row)];
           j < row_begins[static_cast<std::size_t>(row) + 1]; ++j) {
        to[row * row_size + columns[static_cast<std::size_t>(j)]] = from[j];
      }
    }
  });
  return dense;
}

Plan make_plan(const Network& network, PlanFor purpose, std::int64_t lanes) {
  Plan plan = make_outline(network, purpose, lanes);
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    store_weights(plan.layers[i], *network.parameters()[2 * i]);
    plan.layers[i].bias = network.parameters()[2 * i + 1]->effective.to(at::kFloat).clone();
  }
  index_weights(plan, purpose);
  return plan;
}

Plan make_plan(const Parameter& weight) {
  Plan plan;
  plan.layers.push_back(shape_of(weight));
  store_weights(plan.layers.front(), weight);
  PlanBuffer input;
  input.values = {weight.geometry.channels, weight.geometry.height, weight.geometry.width};
  input.gradients = input.values;
  input.needs_gradient = true;
  input.gradient_writers = 1;
  PlanBuffer output;
  output.values = lay_out_product(weight, input.values);
  output.gradients = output.values;
  output.needs_gradient = true;
  plan.buffers = {input, output};
  plan.steps.emplace_back();
  plan.steps.front().output = 1;
  plan.output = 1;
  choose_layouts(plan);
  index_weights(plan, PlanFor::training);
  return plan;
}

}  // namespace ntt
