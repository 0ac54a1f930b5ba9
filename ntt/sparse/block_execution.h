#pragma once

#include <algorithm>
#include <vector>

#include "ntt/core/parallel.h"
#include "ntt/sparse/plan.h"
#include "ntt/sparse/workspace_pool.h"

namespace ntt {

/// Runs a plan on one block, in a workspace of plan.workspace_floats floats that began as zeros.
class BlockExecution {
 public:
  BlockExecution(const Plan& plan, float* workspace) : plan_(plan), workspace_(workspace) {}

  /// Writes what no input changes, once a workspace: the results of rows without weights.
  void begin() const;
  /// Takes up to kLanes inputs, rows of the first buffer's features; the lanes beyond `count` become zero inputs.
  void load(const float* const* inputs, std::int64_t count) const;
  void forward() const;
  /// Writes the outputs [count, outputs] of the first lanes.
  void read_outputs(std::int64_t count, float* outputs) const;

  /// The sum of the cross-entropies of the first lanes, whose labels these are, smoothed (ntt/nn/cross_entropy.h); its
  /// gradient times `scale` by the outputs goes into the workspace.
  double cross_entropy(const std::int64_t* labels, std::int64_t count, float scale, double smoothing) const;
  /// The gradient by every weight and bias, written to `gradient` [plan.gradients]; what belongs to rows that nobody
  /// reads is left alone. `transposed` holds each layer's weights in the order of its backward rows.
  void backward(const std::vector<std::vector<float>>& transposed, float* gradient) const;

 private:
  float* values(std::size_t buffer) const { return workspace_ + plan_.buffers[buffer].values_at; }
  float* gradients(std::size_t buffer) const { return workspace_ + plan_.buffers[buffer].gradients_at; }
  ConstBlock value_block(std::size_t buffer) const { return {values(buffer), &plan_.buffers[buffer].values}; }
  ConstBlock cotangent_block(std::size_t buffer) const { return {gradients(buffer), &plan_.buffers[buffer].gradients}; }
  GradientBlock gradient_block(std::size_t buffer) const;
  /// The parts of forward() and backward() that belong to one product.
  void forward_product(const PlanStep& step) const;
  void weight_gradient(const PlanStep& step, float* gradient) const;
  void input_gradient(const PlanStep& step, const float* transposed) const;
  void backward_step(const PlanStep& step) const;

  const Plan& plan_;
  float* workspace_;
};

/// What one block costs, in operations of the kind that parallel_for_work counts: a lane of an input takes about a
/// quarter of one to bring into place.
std::int64_t block_work(const Plan& plan);

/// Calls body(execution, first, count) on every block of so many inputs, the `count` inputs from `first` on, in a
/// workspace of the plan's pool. `work` is what a block costs.
template <typename Body>
void for_each_block(const Plan& plan, WorkspacePool& workspaces, std::int64_t inputs, std::int64_t work, Body&& body) {
  const std::int64_t blocks = (inputs + kLanes - 1) / kLanes;
  parallel_for_work(blocks, work, [&](std::int64_t begin, std::int64_t end, int) {
    const WorkspacePool::Lease lease(workspaces, plan.workspace_floats);
    const BlockExecution execution(plan, lease.memory());
    if (lease.fresh()) {
      execution.begin();
    }
    for (std::int64_t first = begin * kLanes; first < std::min(end * kLanes, inputs); first += kLanes) {
      body(execution, first, std::min(kLanes, inputs - first));
    }
  });
}

}  // namespace ntt
