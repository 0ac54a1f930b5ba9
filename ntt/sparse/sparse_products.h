#pragma once

#include "ntt/nn/network.h"
#include "ntt/sparse/block_execution.h"
#include "ntt/sparse/execution.h"
#include "ntt/sparse/plan.h"
#include "ntt/sparse/workspace_pool.h"

namespace ntt {

/// A layer's products with the weights alone that its mask keeps, on the CPU in float32: for sweeps that are made layer
/// by layer on whole batches, as those of a kernel. Values are read anew at each product, so that they may change; the
/// mask may not. Results do not depend on the number of threads.
class SparseProducts : public WeightProducts {
 public:
  /// Of a node of network.graph(); InputError where make_plan refuses it.
  SparseProducts(const Network& network, NodeId node);

  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override;
  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override;
  /// Adds to the kept entries alone.
  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override;

 private:
  const SparseLayer& layer() const { return plan_.layers.front(); }
  void load_deltas(const BlockExecution& block, const at::Tensor& delta, std::int64_t first, std::int64_t count) const;

  Plan plan_;
  FeaturePlaces deltas_;           ///< of a gradient by the outputs
  FeaturePlaces input_gradients_;  ///< of a gradient by the inputs
  at::Tensor indices_;             ///< int64, of each entry in the flattened weight
  at::Tensor backward_indices_;    ///< the same in the order of the transposed matrix
  mutable WorkspacePool workspaces_;
};

/// Gives every node with a masked weight the products that `execution` says or, for `automatic`, that are faster at its
/// density; to be called when masks have changed. Nodes that make_plan refuses, as grouped convolutions, stay dense.
/// InputError where sparse products were asked for and no node has any: networks on other devices than the CPU, in
/// other precisions than float32, or of such nodes alone.
void choose_products(Network& network, Execution execution);

}  // namespace ntt
