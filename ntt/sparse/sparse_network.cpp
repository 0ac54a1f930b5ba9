#include "ntt/sparse/sparse_network.h"

#include <ATen/ATen.h>

#include <array>
#include <numeric>

#include "ntt/core/parallel.h"
#include "ntt/sparse/block_execution.h"

namespace ntt {

SparseNetwork::SparseNetwork(const Network& network, PlanFor purpose)
    : plan_(make_plan(network, purpose)),
      features_(entries(network.graph().input_shape())),
      outputs_(network.outputs()) {
  if (purpose == PlanFor::training) {
    gradient_ = at::zeros({plan_.gradients}, at::kFloat);
    for (const SparseLayer& layer : plan_.layers) {
      backward_values_.emplace_back(layer.backward_entries.size());
    }
    refresh();
  }
}

SparseNetwork::~SparseNetwork() = default;

void SparseNetwork::predict(const float* inputs, std::int64_t count, float* outputs) const {
  for_each_block(plan_, workspaces_, count, block_work(plan_),
                 [&](const BlockExecution& block, std::int64_t first, std::int64_t lanes) {
                   block.load(row_pointers(inputs + first * features_, features_, lanes).data(), lanes);
                   block.forward();
                   block.read_outputs(lanes, outputs + first * outputs_);
                 });
}

at::Tensor SparseNetwork::predict(const at::Tensor& inputs) const {
  const at::Tensor rows = inputs.to(at::kFloat).contiguous();
  at::Tensor outputs = at::empty({rows.size(0), outputs_}, at::kFloat);
  predict(rows.data_ptr<float>(), rows.size(0), outputs.data_ptr<float>());
  return outputs;
}

double SparseNetwork::loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen,
                                        double label_smoothing) {
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
  const auto work_on = [&](const BlockExecution& execution, std::int64_t first, std::int64_t lanes) {
    std::array<const float*, kLanes> rows{};
    std::array<std::int64_t, kLanes> targets{};
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t index = indices[first + lane];
      rows[static_cast<std::size_t>(lane)] = data + index * features_;
      targets[static_cast<std::size_t>(lane)] = classes[index];
    }
    execution.load(rows.data(), lanes);
    execution.forward();
    const std::int64_t block = first / kLanes;
    losses[static_cast<std::size_t>(block)] =
        execution.cross_entropy(targets.data(), lanes, 1.0F / static_cast<float>(count), label_smoothing);
    execution.backward(backward_values_, block_gradients + block * plan_.gradients);
  };
  for_each_block(plan_, workspaces_, count, 3 * block_work(plan_), work_on);
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
    bytes += 8 * layer.entries() + static_cast<std::int64_t>(sizeof(SparseRow) * layer.forward.rows.size()) +
             (layer.bias_id ? 4 * layer.outputs : 0);
  }
  return bytes;
}

void SparseNetwork::store(Network& network) const {
  for (const SparseLayer& layer : plan_.layers) {
    Parameter& weight = *network.all_parameters()[layer.weight_id];
    weight.assign(layer.spread(layer.weight));
    if (layer.masked) {
      weight.set_mask(layer.spread(at::ones_like(layer.weight)));
    }
    if (layer.bias_id) {
      network.all_parameters()[*layer.bias_id]->assign(layer.bias.clone());
    }
  }
}

}  // namespace ntt
