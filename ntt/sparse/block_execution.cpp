#include "ntt/sparse/block_execution.h"

#include <algorithm>
#include <cmath>

#include "ntt/core/parallel.h"
#include "ntt/core/threads.h"
#include "ntt/sparse/load_block.h"

namespace ntt {
namespace {

/// Where share number `share` of so many begins, if each has as many entries as the others.
std::int64_t first_row_of(const SparseRows& matrix, std::int64_t share, std::int64_t shares) {
  const auto entries = static_cast<std::int64_t>(matrix.offsets.size());
  const auto row = std::partition_point(matrix.rows.begin(), matrix.rows.end(),
                                        [&](const SparseRow& r) { return r.first < entries * share / shares; });
  return share == shares ? static_cast<std::int64_t>(matrix.rows.size()) : row - matrix.rows.begin();
}

/// A register holds so many products, of which several are under way.
constexpr std::int64_t kMultipliesAnOperation = 16;

/// Multiplies on as many threads as are free: none but this one where blocks run side by side.
void multiply(SparseProduct product) {
  const std::int64_t shares = threads();
  const auto entries = static_cast<std::int64_t>(product.matrix->offsets.size());
  const std::int64_t work = entries * product.windows.height * product.windows.width * kLanes;
  parallel_for_work(shares, work / shares / kMultipliesAnOperation, [&](std::int64_t begin, std::int64_t end, int) {
    SparseProduct part = product;
    part.first_row = first_row_of(*product.matrix, begin, shares);
    part.last_row = first_row_of(*product.matrix, end, shares);
    sparse_product(part);
  });
}

}  // namespace

std::int64_t block_work(const Plan& plan) {
  return plan.block_operations + kLanes / 4 * static_cast<std::int64_t>(plan.input_places.features.size());
}

void BlockExecution::begin() const {
  for (const PlanStep& step : plan_.steps) {
    if (step.kind != PlanStep::Kind::product) {
      continue;
    }
    const SparseLayer& layer = plan_.layers[step.layer];
    const BlockLayout& layout = plan_.buffers[step.output].values;
    for (const SparseRow& row : layer.constants) {
      const float bias = layer.bias.data_ptr<float>()[row.index];
      const float result = step.rectify ? std::max(bias, 0.0F) : bias;
      for (std::int64_t y = 0; y < layout.height; ++y) {
        std::fill_n(values(step.output) + layout.at(row.index, y, 0), layout.width * kLanes, result);
      }
    }
  }
}

void BlockExecution::load(const float* const* inputs, std::int64_t count) const {
  load_block(plan_.input_places, inputs, count, values(0));
}

void BlockExecution::read_outputs(std::int64_t count, float* outputs) const {
  const auto size = static_cast<std::int64_t>(plan_.output_places.features.size());
  const auto rows = row_pointers(outputs, size, count);
  store_block(plan_.output_places, values(plan_.output), count, rows.data());
}

void BlockExecution::forward_product(const PlanStep& step) const {
  const SparseLayer& layer = plan_.layers[step.layer];
  const BlockLayout& from = plan_.buffers[step.input].values;
  SparseProduct product;
  product.matrix = &layer.forward;
  product.windows = layer.forward_windows;
  product.values = layer.weight.data_ptr<float>();
  product.bias = layer.bias.data_ptr<float>();
  product.input = values(step.input) + from.at(0, -layer.padding, -layer.padding);
  product.output = values(step.output);
  product.rectify = step.rectify;
  product.pool = step.pool;
  multiply(product);
}

void BlockExecution::forward() const {
  for (const PlanStep& step : plan_.steps) {
    const BlockLayout& layout = plan_.buffers[step.output].values;
    float* output = values(step.output);
    switch (step.kind) {
      case PlanStep::Kind::product:
        forward_product(step);
        break;
      case PlanStep::Kind::max_pool:
        block_max_pool(step.windows, value_block(step.input), layout, output, step.rectify);
        break;
      case PlanStep::Kind::average_pool:
        block_average_pool(step.windows, value_block(step.input), layout, output, step.rectify);
        break;
      case PlanStep::Kind::pointwise:
        block_pointwise(step.function, value_block(step.input), layout, output);
        break;
      case PlanStep::Kind::add:
        block_add(value_block(step.input), value_block(step.second), layout, output, step.rectify);
        break;
    }
  }
}

double BlockExecution::cross_entropy(const std::int64_t* labels, std::int64_t count, float scale,
                                     double smoothing) const {
  const PlanBuffer& buffer = plan_.buffers[plan_.output];
  const std::int64_t classes = buffer.values.features();
  const double spread = smoothing / static_cast<double>(classes);  // of each label over every class
  double loss = 0;
  const auto output = [&](std::int64_t c) { return values(plan_.output) + buffer.values.at_feature(c); };
  const auto gradient = [&](std::int64_t c) { return gradients(plan_.output) + buffer.gradients.at_feature(c); };
  for (std::int64_t c = 0; c < classes; ++c) {
    std::fill_n(gradient(c), kLanes, 0.0F);
  }
  for (std::int64_t lane = 0; lane < count; ++lane) {
    float most = output(0)[lane];
    for (std::int64_t c = 1; c < classes; ++c) {
      most = std::max(most, output(c)[lane]);
    }
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      const float exponential = std::exp(output(c)[lane] - most);
      gradient(c)[lane] = exponential;
      sum += exponential;
    }
    double expected = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      const double target = spread + (c == labels[lane] ? 1 - smoothing : 0);
      const float probability = gradient(c)[lane] / static_cast<float>(sum);
      const bool counts = !buffer.rectified || output(c)[lane] > 0;
      gradient(c)[lane] = counts ? scale * (probability - static_cast<float>(target)) : 0.0F;
      expected += target > 0 ? target * output(c)[lane] : 0;
    }
    loss += std::log(sum) + most - expected;
  }
  return loss;
}

GradientBlock BlockExecution::gradient_block(std::size_t index) const {
  const PlanBuffer& buffer = plan_.buffers[index];
  GradientBlock block{gradients(index), &buffer.gradients, {}, buffer.sums_gradients};
  if (buffer.rectified) {
    block.gate = value_block(index);
  }
  return block;
}

void BlockExecution::weight_gradient(const PlanStep& step, float* gradient) const {
  const SparseLayer& layer = plan_.layers[step.layer];
  const PlanBuffer& input = plan_.buffers[step.input];
  SparseWeightGradient weights;
  weights.matrix = &layer.forward;
  weights.windows = layer.forward_windows;
  weights.input = values(step.input) + input.values.at(0, -layer.padding, -layer.padding);
  weights.cotangent = gradients(step.output);
  weights.gradient = gradient;
  weights.bias_gradient = weights.gradient + layer.entries();
  weights.scratch = workspace_ + plan_.scratch_at;
  sparse_weight_gradient(weights);
}

void BlockExecution::input_gradient(const PlanStep& step, const float* transposed) const {
  const SparseLayer& layer = plan_.layers[step.layer];
  const PlanBuffer& input = plan_.buffers[step.input];
  SparseProduct product;
  const BlockLayout* from = &plan_.buffers[step.output].gradients;
  product.input = gradients(step.output);
  if (layer.dilated.channels > 0) {
    block_dilate(cotangent_block(step.output), layer.stride, layer.dilated, workspace_ + layer.dilated_at);
    from = &layer.dilated;
    product.input = workspace_ + layer.dilated_at;
  }
  product.input += layer.convolution ? from->at(0, layer.padding, layer.padding) : 0;
  product.matrix = &layer.backward;
  product.last_row = static_cast<std::int64_t>(layer.backward.rows.size());
  product.windows = layer.backward_windows;
  product.values = transposed;
  product.output = gradients(step.input);
  product.gate = input.rectified ? values(step.input) : nullptr;
  product.accumulate = input.sums_gradients;
  sparse_product(product);
}

void BlockExecution::backward_step(const PlanStep& step) const {
  const ConstBlock cotangent = cotangent_block(step.output);
  const auto needed = [&](std::size_t buffer) { return plan_.buffers[buffer].needs_gradient; };
  if (step.kind == PlanStep::Kind::add && needed(step.second)) {
    block_add_gradient(cotangent, gradient_block(step.second));
  }
  if (!needed(step.input)) {
    return;
  }
  const GradientBlock gradient = gradient_block(step.input);
  switch (step.kind) {
    case PlanStep::Kind::max_pool:
      block_max_pool_gradient(step.windows, value_block(step.input), cotangent, gradient);
      break;
    case PlanStep::Kind::average_pool:
      block_average_pool_gradient(step.windows, cotangent, gradient);
      break;
    case PlanStep::Kind::pointwise:
      block_pointwise_gradient(step.function, value_block(step.input), cotangent, gradient);
      break;
    default:
      block_add_gradient(cotangent, gradient);
  }
}

void BlockExecution::backward(const std::vector<std::vector<float>>& transposed, float* gradient) const {
  for (std::size_t i = 0; i < plan_.buffers.size(); ++i) {
    if (plan_.buffers[i].sums_gradients && plan_.buffers[i].needs_gradient) {
      std::fill_n(gradients(i), plan_.buffers[i].gradients.size(), 0.0F);
    }
  }
  for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
    if (step->kind == PlanStep::Kind::product) {
      weight_gradient(*step, gradient + plan_.layers[step->layer].gradient_at);
      if (plan_.buffers[step->input].needs_gradient) {
        input_gradient(*step, transposed[step->layer].data());
      }
    } else {
      backward_step(*step);
    }
  }
}

}  // namespace ntt
