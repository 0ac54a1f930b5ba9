#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ntt/core/convolution.h"
#include "ntt/nn/network.h"
#include "ntt/ops/weight_products.h"
#include "ntt/sparse/execution.h"
#include "ntt/sparse/plane_layout.h"
#include "ntt/sparse/plane_sums.h"

namespace ntt {

/// A layer's products with the weights that its mask keeps only, on the CPU in float32 or float64: for sweeps that are
/// made layer by layer on whole batches. A convolution of any stride, dilation and number of groups is a sum of shifted
/// planes of its inputs, one for each kept weight; a linear layer is one of a 1 x 1 kernel on images of one position.
/// Results do not depend on the number of threads.
class SparseProducts : public WeightProducts {
 public:
  /// @param input what one input is: [channels, height, width], [channels, width] or [..., features]
  /// @param output the same of an output
  /// @param out output channels or features
  /// @param kept flattened indices of the weight [out, geometry.patch()] that the mask keeps: int64, ascending
  /// InputError where an input is too large for 32-bit offsets.
  SparseProducts(const ConvGeometry& geometry, Shape input, Shape output, std::int64_t out, const at::Tensor& kept);
  /// Of a linear layer or convolution of a network, whose weight has a mask.
  static std::shared_ptr<const SparseProducts> of_node(const Network& network, NodeId node);

  /// Weights and gradients are of the weight's shape; where the mask prunes, gradients are left unchanged.
  at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                     const at::Tensor& sum) const override;
  at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const override;
  void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const override;

  /// The same by the kept weights' values [kept], in the order of their indices, into memory that is there: it is
  /// written or, if `adds`, added to.
  void multiply(const at::Tensor& values, const at::Tensor& inputs, const at::Tensor& bias, bool adds,
                at::Tensor& outputs) const;
  void multiply_transposed(const at::Tensor& values, const at::Tensor& delta, bool adds, at::Tensor& inputs) const;
  /// The gradient by the values [kept]; if `input_gradient` is there, multiply_transposed into it in the same pass.
  at::Tensor differentiate(const at::Tensor& values, const at::Tensor& inputs, const at::Tensor& delta,
                           at::Tensor* input_gradient) const;

  std::int64_t kept() const { return kept_.numel(); }

 private:
  /// A sparse matrix of runs; ntt/sparse/plane_sums.h.
  struct Runs {
    std::vector<std::int32_t> begins;
    std::vector<std::int32_t> offsets;

    planes::SparseRuns view() const {
      return {begins.data(), offsets.data(), static_cast<std::int64_t>(begins.size()) - 1};
    }
  };

  void lay_out(std::int64_t out);
  void make_index(std::int64_t out);
  /// Sums over what `source` holds, laid out as `from`, to `sums`, laid out as `to`: both products are that.
  /// @param start of each row's sums; null: zeros
  template <typename T>
  void sum_shifted(const planes::SparseRuns& runs, const T* values, const T* start, const planes::PlaneLayout& from,
                   const T* source, const planes::PlaneLayout& to, bool adds, std::int64_t images, T* sums) const;
  std::int64_t blocks(std::int64_t images) const { return (images + together_ - 1) / together_; }

  ConvGeometry geometry_;
  Shape input_;
  Shape output_;
  at::Tensor kept_;
  std::int64_t together_ = 1;         ///< images in one block
  planes::PlaneLayout in_planes_;     ///< of a block
  planes::PlaneLayout out_planes_;    ///< as sums are made
  planes::PlaneLayout delta_planes_;  ///< as they are read
  Runs forward_;                      ///< rows are output channels, entries in the order of kept_
  Runs backward_;                     ///< rows are planes of the inputs
  at::Tensor backward_order_;         ///< int64 [kept], of each entry in the order of kept_
};

/// Whether a weight's mask keeps so few that products by them only are faster.
bool products_pay(const Parameter& weight);

/// Gives every node with a masked weight the products that `execution` says or, for `automatic`, that are faster at its
/// density; to be called when masks have changed. InputError where sparse products were asked for and the network is on
/// another device than the CPU.
void choose_products(Network& network, Execution execution);

}  // namespace ntt
