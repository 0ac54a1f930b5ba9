#include "ntt/sparse/plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/parallel.h"
#include "ntt/sparse/layer_index.h"
#include "ntt/sparse/outline.h"

namespace ntt {
namespace {

/// Copies a layer's stored weights: those that its mask keeps.
void store_weights(SparseLayer& layer, const Parameter& weight) {
  const at::Tensor kept = weight.kept_indices();
  const auto* indices = kept.data_ptr<std::int64_t>();
  const std::int64_t row_size = entries(weight.shape) / layer.outputs;
  layer.columns.reserve(static_cast<std::size_t>(kept.numel()));
  layer.row_begins.reserve(static_cast<std::size_t>(layer.outputs + 1));
  layer.row_begins.push_back(0);
  for (std::int64_t row = 0, j = 0; row < layer.outputs; ++row) {
    for (; j < kept.numel() && indices[j] < (row + 1) * row_size; ++j) {
      layer.columns.push_back(static_cast<std::int32_t>(indices[j] - row * row_size));
    }
    layer.row_begins.push_back(static_cast<std::int32_t>(j));
  }
  layer.masked = weight.pattern != nullptr;
  layer.weight = weight.kept_entries(weight.effective).to(at::kFloat);
}

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
Plan make_outline(const Network& network, PlanFor purpose) {
  Plan plan = outline(network);
  if (purpose == PlanFor::inference) {
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
    plan.block_operations += layer.entries() * layer.results();
  }
  list_input_features(plan);
  plan.output_places = all_features(plan.buffers[plan.output].values);
  lay_out_workspace(plan, purpose);
}

}  // namespace

void check_plan(const Network& network, PlanFor purpose) {
  make_outline(network, purpose);
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

Plan make_plan(const Network& network, PlanFor purpose) {
  Plan plan = make_outline(network, purpose);
  for (SparseLayer& layer : plan.layers) {
    store_weights(layer, *network.all_parameters()[layer.weight_id]);
    layer.bias = layer.bias_id ? network.all_parameters()[*layer.bias_id]->effective.to(at::kFloat).clone()
                               : at::zeros({layer.outputs}, at::kFloat);
  }
  index_weights(plan, purpose);
  return plan;
}

}  // namespace ntt
