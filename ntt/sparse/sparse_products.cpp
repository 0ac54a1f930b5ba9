#include "ntt/sparse/sparse_products.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/core/threads.h"

namespace ntt {
namespace {

/// Where the rows of a block of a tensor [n, ...] begin.
auto rows_of(const at::Tensor& tensor, std::int64_t first, std::int64_t count) {
  const std::int64_t size = tensor.numel() / tensor.size(0);
  return row_pointers(tensor.data_ptr<float>() + first * size, size, count);
}

at::Tensor sum_or_new(const at::Tensor& sum, const at::Tensor& like, const BlockLayout& layout, bool images) {
  if (sum.defined()) {
    return sum;
  }
  return images ? at::empty({like.size(0), layout.channels, layout.height, layout.width}, like.options())
                : at::empty({like.size(0), layout.channels}, like.options());
}

}  // namespace

SparseProducts::SparseProducts(const Network& network, NodeId node)
    : plan_(make_plan(network, node)),
      deltas_(all_features(plan_.buffers.back().gradients)),
      input_gradients_(all_features(plan_.buffers.front().gradients)),
      indices_(network.all_parameters()[layer().weight_id]->kept_indices()),
      backward_indices_(indices_.index_select(0, at::tensor(layer().backward_entries, at::kInt))) {}

at::Tensor SparseProducts::outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                                   const at::Tensor& sum) const {
  const at::Tensor values = weight.flatten().index_select(0, indices_);
  const at::Tensor result = sum_or_new(sum, inputs, plan_.buffers.back().values, layer().convolution);
  const float* bias_values = bias.defined() ? bias.data_ptr<float>() : nullptr;
  for_each_block(plan_, workspaces_, inputs.size(0), block_work(plan_),
                 [&](const BlockExecution& block, std::int64_t first, std::int64_t count) {
                   block.load(rows_of(inputs, first, count).data(), count);
                   block.forward_product(plan_.steps.front(), values.data_ptr<float>(), bias_values);
                   store_block(plan_.output_places, block.values(1), count, sum.defined(),
                               rows_of(result, first, count).data());
                 });
  return result;
}

at::Tensor SparseProducts::inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const {
  const at::Tensor values = weight.flatten().index_select(0, backward_indices_);
  const at::Tensor result = sum_or_new(sum, delta, plan_.buffers.front().values, layer().convolution);
  for_each_block(plan_, workspaces_, delta.size(0), block_work(plan_),
                 [&](const BlockExecution& block, std::int64_t first, std::int64_t count) {
                   load_deltas(block, delta, first, count);
                   block.input_gradient(plan_.steps.front(), values.data_ptr<float>());
                   store_block(input_gradients_, block.gradients(0), count, sum.defined(),
                               rows_of(result, first, count).data());
                 });
  return result;
}

void SparseProducts::load_deltas(const BlockExecution& block, const at::Tensor& delta, std::int64_t first,
                                 std::int64_t count) const {
  load_block(deltas_, rows_of(delta, first, count).data(), count, kLanes, block.gradients(1));
}

void SparseProducts::add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const {
  const std::int64_t blocks = (inputs.size(0) + kLanes - 1) / kLanes;
  at::Tensor block_gradients = at::empty({blocks, plan_.gradients}, at::kFloat);
  auto* parts = block_gradients.data_ptr<float>();
  for_each_block(plan_, workspaces_, inputs.size(0), block_work(plan_),
                 [&](const BlockExecution& block, std::int64_t first, std::int64_t count) {
                   block.load(rows_of(inputs, first, count).data(), count);
                   load_deltas(block, delta, first, count);
                   block.weight_gradient(plan_.steps.front(), parts + first / kLanes * plan_.gradients);
                 });
  // In the order of the blocks, so that threads do not change the sum.
  auto* into = gradient.data_ptr<float>();
  const auto* indices = indices_.data_ptr<std::int64_t>();
  parallel_for_work(layer().entries(), blocks, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t j = begin; j < end; ++j) {
      float sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block) {
        sum += parts[block * plan_.gradients + j];
      }
      into[indices[j]] += sum;
    }
  });
}

void choose_products(Network& network, Execution execution) {
  if (execution == Execution::sparse) {
    check_sparse_device(network);
  }
  const bool tries = execution != Execution::dense && has_sparse_device(network);
  bool possible = false;
  std::optional<InputError> refusal;
  for (NodeId node = 0; node < network.graph().nodes.size(); ++node) {
    const NodeParameters parameters = network.parameters_of(node);
    if (parameters.values.empty() || parameters.values.front()->role != Role::weight) {
      continue;
    }
    network.set_products(node, nullptr);
    if (!tries) {
      continue;
    }
    try {
      check_plan(network, node);
      possible = true;
    } catch (const InputError& error) {
      refusal = error;
      continue;
    }
    const Parameter& weight = *parameters.values.front();
    const double break_even = product_break_even(weight.shape.size() == 4) * static_cast<double>(weight.value.numel());
    const bool pays = execution == Execution::sparse || static_cast<double>(weight.kept()) < break_even;
    if (weight.prunable && weight.pattern && pays) {
      network.set_products(node, std::make_shared<SparseProducts>(network, node));
    }
  }
  if (execution == Execution::sparse && !possible) {
    throw *refusal;
  }
}

}  // namespace ntt
