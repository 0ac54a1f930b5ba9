#include "ntt/sparse/sparse_products.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "ntt/core/threads.h"
#include "ntt/sparse/block_execution.h"

namespace ntt {
namespace {

at::Tensor gather(const at::Tensor& weight, const std::vector<std::int32_t>& places) {
  const auto count = static_cast<std::int64_t>(places.size());
  at::Tensor values = at::empty({count}, weight.options());
  const auto* from = weight.data_ptr<float>();
  auto* to = values.data_ptr<float>();
  parallel_for_work(count, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t j = begin; j < end; ++j) {
      to[j] = from[places[static_cast<std::size_t>(j)]];
    }
  });
  return values;
}

/// The rows of one block of a tensor [n, ...].
template <typename T>
struct BlockRows {
  BlockRows(const at::Tensor& tensor, std::int64_t first) : count(std::min(kLanes, tensor.size(0) - first)) {
    T* data = tensor.data_ptr<float>();
    const std::int64_t row = tensor.numel() / tensor.size(0);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      rows[static_cast<std::size_t>(lane)] = data + (first + lane) * row;
    }
  }

  std::int64_t count;
  std::array<T*, kLanes> rows{};
};

/// Calls body(block's execution, first row) on every block of so many rows.
template <typename Body>
void for_each_block(const Plan& plan, WorkspacePool& workspaces, std::int64_t rows, Body&& body) {
  parallel_for((rows + kLanes - 1) / kLanes, [&](std::int64_t begin, std::int64_t end, int) {
    const WorkspacePool::Lease lease(workspaces, plan.workspace_floats);
    const BlockExecution execution(plan, lease.memory());
    for (std::int64_t block = begin; block < end; ++block) {
      body(execution, block * kLanes);
    }
  });
}

at::Tensor sum_or_new(const at::Tensor& sum, const at::Tensor& like, const BlockLayout& layout, bool images) {
  if (sum.defined()) {
    return sum;
  }
  return images ? at::empty({like.size(0), layout.channels, layout.height, layout.width}, like.options())
                : at::empty({like.size(0), layout.channels}, like.options());
}

}  // namespace

SparseProducts::SparseProducts(const Parameter& weight)
    : plan_(make_plan(weight)),
      deltas_(all_features(plan_.buffers.back().gradients)),
      input_gradients_(all_features(plan_.buffers.front().gradients)) {
  const std::int64_t columns = weight.value.numel() / weight.shape.front();
  for (std::int64_t row = 0; row < layer().outputs; ++row) {
    for (auto j = layer().row_begins[static_cast<std::size_t>(row)];
         j < layer().row_begins[static_cast<std::size_t>(row) + 1]; ++j) {
      places_.push_back(static_cast<std::int32_t>(row * columns) + layer().columns[static_cast<std::size_t>(j)]);
    }
  }
  for (const std::int32_t entry : layer().backward_entries) {
    backward_places_.push_back(places_[static_cast<std::size_t>(entry)]);
  }
}

at::Tensor SparseProducts::outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                                   const at::Tensor& sum) const {
  const at::Tensor values = gather(weight, places_);
  at::Tensor result = sum_or_new(sum, inputs, plan_.buffers.back().values, layer().convolution);
  const float* bias_values = bias.defined() ? bias.data_ptr<float>() : nullptr;
  for_each_block(plan_, workspaces_, inputs.size(0), [&](const BlockExecution& block, std::int64_t first) {
    const BlockRows<const float> from(inputs, first);
    load_block(plan_.input_places, from.rows.data(), from.count, kLanes, block.values(0));
    block.forward_product(plan_.steps.front(), values.data_ptr<float>(), bias_values);
    const BlockRows<float> to(result, first);
    store_block(plan_.output_places, block.values(1), to.count, sum.defined(), to.rows.data());
  });
  return result;
}

at::Tensor SparseProducts::inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const {
  const at::Tensor values = gather(weight, backward_places_);
  at::Tensor result = sum_or_new(sum, delta, plan_.buffers.front().values, layer().convolution);
  for_each_block(plan_, workspaces_, delta.size(0), [&](const BlockExecution& block, std::int64_t first) {
    const BlockRows<const float> from(delta, first);
    load_block(deltas_, from.rows.data(), from.count, kLanes, block.gradients(1));
    block.input_gradient(plan_.steps.front(), values.data_ptr<float>());
    const BlockRows<float> to(result, first);
    store_block(input_gradients_, block.gradients(0), to.count, sum.defined(), to.rows.data());
  });
  return result;
}

void SparseProducts::add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const {
  const std::int64_t blocks = (inputs.size(0) + kLanes - 1) / kLanes;
  at::Tensor block_gradients = at::empty({blocks, plan_.gradients}, at::kFloat);
  auto* parts = block_gradients.data_ptr<float>();
  for_each_block(plan_, workspaces_, inputs.size(0), [&](const BlockExecution& block, std::int64_t first) {
    const BlockRows<const float> from(inputs, first);
    load_block(plan_.input_places, from.rows.data(), from.count, kLanes, block.values(0));
    const BlockRows<const float> by(delta, first);
    load_block(deltas_, by.rows.data(), by.count, kLanes, block.gradients(1));
    block.weight_gradient(plan_.steps.front(), parts + first / kLanes * plan_.gradients);
  });
  // In the order of the blocks, so that threads do not change the sum.
  auto* into = gradient.data_ptr<float>();
  parallel_for_work(layer().entries(), blocks, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t j = begin; j < end; ++j) {
      float sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block) {
        sum += parts[block * plan_.gradients + j];
      }
      into[places_[static_cast<std::size_t>(j)]] += sum;
    }
  });
}

void choose_products(Network& network, Execution execution) {
  if (execution == Execution::sparse) {
    check_sparse_device(network);
  }
  const bool possible = network.device().is_cpu() && network.dtype() == at::kFloat;
  for (Parameter* parameter : network.parameters()) {
    if (!parameter->prunable || !parameter->mask.defined()) {
      continue;
    }
    const auto kept = static_cast<double>(parameter->kept());
    const bool pays =
        kept < product_break_even(parameter->shape.size() == 4) * static_cast<double>(parameter->value.numel());
    const bool sparse = execution == Execution::sparse || (execution == Execution::automatic && possible && pays);
    parameter->products = sparse ? std::make_shared<SparseProducts>(*parameter) : nullptr;
  }
}

}  // namespace ntt
