#pragma once

#include <ATen/core/Tensor.h>

namespace ntt {

/// The three products of a layer with its weight: W on inputs, its transpose on what belongs to outputs, and the
/// weight's own gradient. An implementation is made for one shape of weight, and may be made for one mask. Tensors are
/// contiguous, of one dtype and device, with inputs [n, in...] and outputs [n, out...].
class WeightProducts {
 public:
  WeightProducts() = default;
  WeightProducts(const WeightProducts&) = delete;
  WeightProducts& operator=(const WeightProducts&) = delete;
  virtual ~WeightProducts() = default;

  /// W inputs (+ bias, if defined): [n, out...].
  /// @param sum if defined (without bias), is added to and returned
  virtual at::Tensor outputs(const at::Tensor& weight, const at::Tensor& inputs, const at::Tensor& bias,
                             const at::Tensor& sum) const = 0;
  /// Wᵀ delta: [n, out...] to [n, in...].
  /// @param sum if defined, is added to and returned
  virtual at::Tensor inputs(const at::Tensor& weight, const at::Tensor& delta, const at::Tensor& sum) const = 0;
  /// gradient += the transpose of `outputs` in its weight; where masks prune, it may be left alone.
  virtual void add_gradient(const at::Tensor& inputs, const at::Tensor& delta, at::Tensor& gradient) const = 0;
};

}  // namespace ntt
