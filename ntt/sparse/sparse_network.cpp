#include "ntt/sparse/sparse_network.h"

#include <ATen/ATen.h>

#include <array>
#include <numeric>

#include "ntt/core/error.h"
#include "ntt/core/threads.h"
#include "ntt/sparse/block_execution.h"

namespace ntt {

namespace {

/// What one block costs, in operations of the kind that parallel_for_work counts: a lane of an input takes about a
/// quarter of one to bring into place.
std::int64_t block_work(const Plan& plan) {
  return plan.block_operations + plan.lanes / 4 * static_cast<std::int64_t>(plan.input_places.features.size());
}

/// A plan's execution in a workspace, ready to answer.
BlockExecution started(const Plan& plan, const WorkspacePool::Lease& lease) {
  const BlockExecution execution(plan, lease.memory());
  if (lease.fresh()) {
    execution.begin();
  }
  return execution;
}

/// Up to how many inputs are answered faster one by one than as a block, which costs the same however few of its lanes
/// are taken. In cycles of one core, as measured: a stored weight at one position costs about 1.2 in a block, but alone
/// one where a register gathers its inputs and a tenth where it holds neighbouring positions.
std::int64_t most_singles(const Plan& plan) {
  double block = 1;
  double single = 1;
  for (const SparseLayer& layer : plan.layers) {
    const auto positions = static_cast<double>(layer.results());
    const auto entries = static_cast<double>(layer.entries());
    block += 1.2 * entries * positions;
    single += (positions > 1 && layer.stride == 1 ? 0.1 : 1) * entries * positions;
  }
  return std::min<std::int64_t>(static_cast<std::int64_t>(block / single), kLanes / 2);
}

}  // namespace

SparseNetwork::SparseNetwork(const Network& network, PlanFor purpose)
    : plan_(make_plan(network, purpose)), outputs_(network.outputs()) {
  const Shape& input = network.spec().input;
  features_ = std::accumulate(input.begin(), input.end(), std::int64_t{1}, std::multiplies<>());
  if (purpose == PlanFor::training) {
    gradient_ = at::zeros({plan_.gradients}, at::kFloat);
    for (const SparseLayer& layer : plan_.layers) {
      backward_values_.emplace_back(layer.backward_entries.size());
    }
    refresh();
    return;
  }
  single_plan_ = make_plan(network, purpose, 1);
  most_singles_ = most_singles(*single_plan_);
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    single_plan_->layers[i].weight = plan_.layers[i].weight;
    single_plan_->layers[i].bias = plan_.layers[i].bias;
  }
}

SparseNetwork::~SparseNetwork() = default;

void SparseNetwork::predict(const float* inputs, std::int64_t count, float* outputs) const {
  if (plan_for(count).lanes == 1) {
    predict_singly(inputs, count, outputs);
  } else {
    predict_blocks(inputs, count, outputs);
  }
}

void SparseNetwork::predict_singly(const float* inputs, std::int64_t count, float* outputs) const {
  parallel_for_work(count, block_work(*single_plan_), [&](std::int64_t begin, std::int64_t end, int) {
    const WorkspacePool::Lease lease(single_workspaces_, single_plan_->workspace_floats);
    const BlockExecution execution = started(*single_plan_, lease);
    for (std::int64_t i = begin; i < end; ++i) {
      const float* input = inputs + i * features_;
      execution.load(&input, 1);
      execution.forward();
      execution.read_outputs(1, outputs + i * outputs_);
    }
  });
}

void SparseNetwork::predict_blocks(const float* inputs, std::int64_t count, float* outputs) const {
  const std::int64_t blocks = (count + kLanes - 1) / kLanes;
  parallel_for_work(blocks, block_work(plan_), [&](std::int64_t begin, std::int64_t end, int) {
    const WorkspacePool::Lease lease(workspaces_, plan_.workspace_floats);
    const BlockExecution execution = started(plan_, lease);
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kLanes;
      const std::int64_t lanes = std::min(kLanes, count - first);
      std::array<const float*, kLanes> rows{};
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        rows[static_cast<std::size_t>(lane)] = inputs + (first + lane) * features_;
      }
      execution.load(rows.data(), lanes);
      execution.forward();
      execution.read_outputs(lanes, outputs + first * outputs_);
    }
  });
}

at::Tensor SparseNetwork::predict(const at::Tensor& inputs) const {
  const at::Tensor rows = inputs.to(at::kFloat).contiguous();
  at::Tensor outputs = at::empty({rows.size(0), outputs_}, at::kFloat);
  predict(rows.data_ptr<float>(), rows.size(0), outputs.data_ptr<float>());
  return outputs;
}

double SparseNetwork::loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) {
  const std::int64_t count = chosen.size(0);
  const std::int64_t blocks = (count + kLanes - 1) / kLanes;
  if (!block_gradients_.defined() || block_gradients_.size(0) < blocks) {
    block_gradients_ = at::zeros({blocks, plan_.gradients}, at::kFloat);
  }
  const auto* data = inputs.data_ptr<float>();
  const auto* classes = labels.data_ptr<std::int64_t>();
  const auto* indices = chosen.data_ptr<std::int64_t>();
  auto* block_gradients = block_gradients_.data_ptr<float>();
  std::vector<double> losses(static_cast<std::size_t>(blocks));
  parallel_for_work(blocks, 3 * block_work(plan_), [&](std::int64_t begin, std::int64_t end, int) {
    const WorkspacePool::Lease lease(workspaces_, plan_.workspace_floats);
    const BlockExecution execution(plan_, lease.memory());
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t lanes = std::min(kLanes, count - block * kLanes);
      std::array<const float*, kLanes> rows{};
      std::array<std::int64_t, kLanes> targets{};
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const std::int64_t index = indices[block * kLanes + lane];
        rows[static_cast<std::size_t>(lane)] = data + index * features_;
        targets[static_cast<std::size_t>(lane)] = classes[index];
      }
      execution.load(rows.data(), lanes);
      execution.forward();
      losses[static_cast<std::size_t>(block)] =
          execution.cross_entropy(targets.data(), lanes, 1.0F / static_cast<float>(count));
      execution.backward(backward_values_, block_gradients + block * plan_.gradients);
    }
  });
  // In the order of the blocks, so that threads do not change the sum.
  auto* gradient = gradient_.data_ptr<float>();
  parallel_for_work(plan_.gradients, blocks, [&](std::int64_t begin, std::int64_t end, int) {
    std::copy(block_gradients + begin, block_gradients + end, gradient + begin);
    for (std::int64_t block = 1; block < blocks; ++block) {
      const float* part = block_gradients + block * plan_.gradients;
      for (std::int64_t i = begin; i < end; ++i) {
        gradient[i] += part[i];
      }
    }
  });
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(count);
}

void SparseNetwork::refresh() {
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    const SparseLayer& layer = plan_.layers[i];
    const auto* values = layer.weight.data_ptr<float>();
    std::vector<float>& transposed = backward_values_[i];
    parallel_for_work(static_cast<std::int64_t>(transposed.size()), 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t j = begin; j < end; ++j) {
        transposed[static_cast<std::size_t>(j)] = values[layer.backward_entries[static_cast<std::size_t>(j)]];
      }
    });
  }
}

std::int64_t SparseNetwork::weight_bytes() const {
  std::int64_t bytes = 0;
  for (const SparseLayer& layer : plan_.layers) {
    // A value and two places, as blocks and single inputs lie differently in memory.
    bytes += 12 * layer.entries() + static_cast<std::int64_t>(2 * sizeof(SparseRow) * layer.forward.rows.size()) +
             4 * layer.outputs;
  }
  return bytes;
}

void SparseNetwork::store(Network& network) const {
  const std::vector<Parameter*>& parameters = network.parameters();
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    const SparseLayer& layer = plan_.layers[i];
    Parameter& weight = *parameters[2 * i];
    weight.assign(layer.spread(layer.weight));
    if (layer.masked) {
      weight.set_mask(layer.spread(at::ones_like(layer.weight)));
    }
    parameters[2 * i + 1]->assign(layer.bias.clone());
  }
}

}  // namespace ntt
