#pragma once

#include <vector>

#include "ntt/sparse/plan.h"

namespace ntt {

/// Runs a plan on one block, in a workspace of plan.workspace_floats floats that began as zeros.
class BlockExecution {
 public:
  BlockExecution(const Plan& plan, float* workspace) : plan_(plan), workspace_(workspace) {}

  /// Takes up to kLanes inputs, rows of the first buffer's features; the lanes beyond `count` become zero inputs.
  void load(const float* const* inputs, std::int64_t count) const;
  void forward() const;
  /// Writes the outputs of the first `count` lanes, `stride` floats apart.
  void read_outputs(std::int64_t count, float* outputs) const;

  /// The sum of the cross-entropies of the first lanes, whose labels these are; its gradient times `scale` by the
  /// outputs goes into the workspace.
  double cross_entropy(const std::int64_t* labels, std::int64_t count, float scale) const;
  /// The gradient by every weight and bias, written to `gradient` [plan.gradients]; what belongs to rows that nobody
  /// reads is left alone. `transposed` holds each layer's weights in the order of its backward rows.
  void backward(const std::vector<std::vector<float>>& transposed, float* gradient) const;

 private:
  float* values(std::size_t buffer) const { return workspace_ + plan_.buffers[buffer].values_at; }
  float* gradients(std::size_t buffer) const { return workspace_ + plan_.buffers[buffer].gradients_at; }
  ConstBlock value_block(std::size_t buffer) const { return {values(buffer), &plan_.buffers[buffer].values}; }
  ConstBlock cotangent_block(std::size_t buffer) const { return {gradients(buffer), &plan_.buffers[buffer].gradients}; }
  GradientBlock gradient_block(std::size_t buffer) const;
  void forward_product(const PlanStep& step) const;
  void backward_product(const PlanStep& step, const std::vector<float>& transposed, float* gradient) const;
  void backward_step(const PlanStep& step) const;

  const Plan& plan_;
  float* workspace_;
};

}  // namespace ntt
