#include "ntt/sparse/sparse_inference.h"

#include "ntt/core/error.h"
#include "ntt/core/parallel.h"
#include "ntt/sparse/costs.h"
#include "ntt/sparse/folding.h"
#include "ntt/sparse/plane_execution.h"

namespace ntt {
namespace {

constexpr std::int64_t kNearFloats = 4 << 20;      ///< of a block's workspace that the caches hold
constexpr std::int64_t kTogetherFloats = 4 << 20;  ///< of all threads' inputs that run side by side

double input_ns(const PlanePlan& plan) {
  double ns = 0;
  for (const PlaneStep& step : plan.steps) {
    const Planes& to = plan.buffers[step.lowered.output].planes;
    if (step.lowered.kind != LoweredStep::Kind::product) {
      ns += costs::kFloat *
            static_cast<double>(
                plan.buffers[step.lowered.inputs.empty() ? step.lowered.output : step.lowered.inputs.front()]
                    .planes.size());
      continue;
    }
    const PlaneLayer& layer = plan.layers[step.index];
    const auto entries = static_cast<double>(layer.entries());
    const auto registers = static_cast<double>(to.run() / Planes::kVector);
    ns += to.features() ? costs::kGathered * entries : costs::kRegister * entries * registers;
    ns += costs::kRow * static_cast<double>(layer.rows()) * std::max(1.0, registers / 8);
    ns += layer.copy ? costs::kFloat * static_cast<double>(layer.copy->to.size()) : 0;
  }
  return ns;
}

double block_ns(const Plan& plan) {
  const bool near = plan.workspace_floats <= kNearFloats;
  return (near ? costs::kBlockRegister : costs::kFarRegister) * static_cast<double>(plan.block_operations) +
         costs::kFloat * static_cast<double>(kLanes) * static_cast<double>(plan.input_places.features.size());
}

}  // namespace

SparseInference::SparseInference(const Network& network, Products products)
    : features_(entries(network.graph().input_shape())), outputs_(network.outputs()) {
  const Network folded = fold_batch_norm(network);
  planes_ = make_plane_plan(folded, products);
  input_ns_ = input_ns(*planes_);
  try {
    blocks_ = std::make_unique<SparseNetwork>(folded, PlanFor::inference);
    block_ns_ = block_ns(blocks_->plan());
  } catch (const InputError&) {
    return;  // blocks do not know every operator
  }
  if (!in_blocks(kLanes)) {
    blocks_.reset();
  } else if (in_blocks(1)) {
    planes_.reset();
  }
}

SparseInference::~SparseInference() = default;

bool SparseInference::in_blocks(std::int64_t count) const {
  const std::int64_t blocks = (count + kLanes - 1) / kLanes;
  return blocks_ != nullptr &&
         (!planes_ || static_cast<double>(blocks) * block_ns_ < static_cast<double>(count) * input_ns_);
}

void SparseInference::predict(const float* inputs, std::int64_t count, float* outputs) const {
  in_blocks(count) ? blocks_->predict(inputs, count, outputs) : predict_by_planes(inputs, count, outputs);
}

/// Inputs run side by side, one on each thread, where their values fit into the last cache together; others, and those
/// that are left, one after another on all threads.
void SparseInference::predict_by_planes(const float* inputs, std::int64_t count, float* outputs) const {
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    const WorkspacePool::Lease lease(workspaces_, planes_->workspace_floats);
    const PlaneExecution execution(*planes_, lease.memory());
    for (std::int64_t i = begin; i < end; ++i) {
      execution.run(inputs + i * features_, outputs + i * outputs_);
    }
  };
  const bool fit = planes_->workspace_floats * threads() <= kTogetherFloats;
  const std::int64_t whole = fit ? count - count % threads() : 0;
  parallel_for_work(whole, static_cast<std::int64_t>(input_ns_),
                    [&](std::int64_t begin, std::int64_t end, int) { run(begin, end); });
  if (whole < count) {
    run(whole, count);
  }
}

std::int64_t SparseInference::weight_bytes() const {
  return (planes_ ? planes_->weight_bytes() : 0) + (blocks_ ? blocks_->weight_bytes() : 0);
}

std::vector<LayerOperations> SparseInference::operations(std::int64_t count) const {
  return in_blocks(count) ? count_operations(blocks_->plan(), count) : count_operations(*planes_, count);
}

}  // namespace ntt
