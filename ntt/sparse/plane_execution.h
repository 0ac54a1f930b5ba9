#pragma once

#include "ntt/sparse/plane_plan.h"

namespace ntt {

/// Runs a plan on one input in a workspace of plan.workspace_floats floats, on as many threads as are free: on the
/// calling one only where inputs run side by side. What the workspace held before does not matter.
class PlaneExecution {
 public:
  PlaneExecution(const PlanePlan& plan, float* workspace) : plan_(plan), workspace_(workspace) {}

  /// Outputs, contiguous, of an input, contiguous.
  void run(const float* input, float* output) const;

 private:
  float* data(ValueId value) const { return workspace_ + plan_.buffers[value].at; }
  const Planes& planes(ValueId value) const { return plan_.buffers[value].planes; }
  const std::int32_t* keep(ValueId value) const;
  /// From the first position of the first channel to behind the last plane: floats and their number.
  float* body(ValueId value) const { return data(value) + planes(value).before; }
  std::int64_t body_size(ValueId value) const { return planes(value).channels * planes(value).plane; }

  void run_step(const PlaneStep& step) const;
  void clear_around(ValueId value) const;
  void product(const PlaneStep& step) const;
  void copy_phases(const PlaneLayer& layer, ValueId input) const;
  void max_pool(const PlaneStep& step) const;
  void mean(const LoweredStep& step) const;
  void sum(const LoweredStep& step) const;
  void scale(const LoweredStep& step) const;
  void scale_channels(const LoweredStep& step, ValueId images, ValueId factors) const;
  /// Applies the step's activation to a value that lies as its output, or to that itself.
  void activate(const LoweredStep& step, ValueId from) const;
  void concat(const LoweredStep& step) const;
  void dense(const PlaneStep& step) const;

  const PlanePlan& plan_;
  float* workspace_;
};

}  // namespace ntt
