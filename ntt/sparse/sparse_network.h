#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/sparse/plan.h"
#include "ntt/sparse/workspace_pool.h"

namespace ntt {

/// A network that keeps and computes with its stored weights alone, on the CPU in float32. It answers as the network
/// that it was made from, to rounding; what masks prune is neither stored nor multiplied.
///
/// Inputs are worked on in blocks of kLanes, each through the whole network on one thread, so that results do not
/// depend on the number of threads.
class SparseNetwork {
 public:
  /// Copies the network's kept weights. InputError where it cannot be executed so (make_plan).
  SparseNetwork(const Network& network, PlanFor purpose);
  ~SparseNetwork();
  SparseNetwork(const SparseNetwork&) = delete;
  SparseNetwork& operator=(const SparseNetwork&) = delete;

  /// Outputs [N, outputs] of inputs [N, input...], float32 and contiguous. Several threads may ask at once.
  at::Tensor predict(const at::Tensor& inputs) const;
  /// The same into memory of the caller's, for count inputs one after another.
  void predict(const float* inputs, std::int64_t count, float* outputs) const;

  /// The mean cross-entropy of the chosen inputs (int64 indices), labels smoothed (cross_entropy), and its gradient by
  /// every stored weight and bias into gradient(). For a network made for training.
  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen,
                           double label_smoothing = 0);

  /// The layers with weights, in order. Whoever changes a weight calls refresh() before the next computation.
  std::vector<SparseLayer>& layers() { return plan_.layers; }
  const std::vector<SparseLayer>& layers() const { return plan_.layers; }
  /// float32, of a layer's entries from its gradient_at on and then of its biases, even where it has none.
  at::Tensor& gradient() { return gradient_; }
  void refresh();

  std::int64_t outputs() const { return outputs_; }
  const Plan& plan() const { return plan_; }
  /// Memory of the weights as inference uses them: values, offsets, rows and biases.
  std::int64_t weight_bytes() const;

  /// Gives the network that this one was made from its parameters and masks, in memory of their own. What masks prune
  /// has the value 0.
  void store(Network& network) const;

 private:
  Plan plan_;
  std::int64_t features_ = 0;  ///< of one input
  std::int64_t outputs_ = 0;
  std::vector<std::vector<float>> backward_values_;  ///< a layer: its weights in the order of the transposed matrix
  at::Tensor gradient_;
  at::Tensor block_gradients_;  ///< [blocks, gradients]
  mutable WorkspacePool workspaces_;
};

}  // namespace ntt
