#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ntt/sparse/operations.h"
#include "ntt/sparse/plane_plan.h"
#include "ntt/sparse/sparse_network.h"
#include "ntt/sparse/workspace_pool.h"

namespace ntt {

/// Inference with the weights only that are not zero, batch norm folded into the layers before it: an input at a time,
/// positions side by side in registers (PlanePlan), which every network can be, or in blocks of kLanes inputs
/// (SparseNetwork), which small networks are faster in. The number of inputs decides which.
class SparseInference {
 public:
  /// Copies the weights of a float32 network on the CPU. InputError where a layer is too large for 32-bit offsets.
  SparseInference(const Network& network, Products products);
  ~SparseInference();

  /// Outputs [count, outputs] of inputs [count, features], one after another. From several threads at once, too.
  void predict(const float* inputs, std::int64_t count, float* outputs) const;

  /// Memory of the weights, indices included.
  std::int64_t weight_bytes() const;
  /// What the layers take on so many inputs.
  std::vector<LayerOperations> operations(std::int64_t count) const;

 private:
  bool in_blocks(std::int64_t count) const;
  void predict_by_planes(const float* inputs, std::int64_t count, float* outputs) const;

  std::int64_t features_ = 0;
  std::int64_t outputs_ = 0;
  std::optional<PlanePlan> planes_;        ///< none where blocks are always faster
  std::unique_ptr<SparseNetwork> blocks_;  ///< null where they never are, or not possible
  double block_ns_ = 0;                    ///< of one thread, estimated: for a block
  double input_ns_ = 0;                    ///< the same for an input by planes
  mutable WorkspacePool workspaces_;
};

}  // namespace ntt
