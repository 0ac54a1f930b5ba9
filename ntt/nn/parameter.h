#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ntt/core/convolution.h"
#include "ntt/nn/weight_products.h"

namespace ntt {

/// A weight or bias. `value` is what the optimiser moves; the layers compute with `effective`, which is mask ⊙ value
/// for a masked weight and shares value's memory otherwise.
struct Parameter {
  std::string name;                 ///< "fc1.weight": PyTorch's name, full from the network's root.
  std::vector<std::int64_t> shape;  ///< PyTorch's: [out, in], [out, in, kh, kw], bias [out].
  at::Tensor value;                 ///< What the optimiser moves; undefined until drawn or read.
  at::Tensor mask;                  ///< 1 kept, 0 pruned; dtype and shape of value; undefined: all kept.
  at::Tensor effective;             ///< What the layers see.
  at::Tensor gradient;              ///< Sum of what the sweeps found, with respect to effective; shape of value.
  bool prunable = false;            ///< Weights are, biases never.
  ConvGeometry geometry;            ///< Of a weight: what it is applied to; a linear layer's is one position.
  /// How a layer multiplies with its weight, if otherwise than densely. Made for one mask, they go with it.
  std::shared_ptr<const WeightProducts> products;

  /// Sets the mask (undefined: none) and brings effective up to date.
  void set_mask(at::Tensor new_mask);
  /// Brings effective up to date after value changed.
  void refresh();
  /// Takes a value of its shape, without mask and with gradient zero.
  void assign(at::Tensor new_value);
  /// Gives up all tensors until assign(); name and shape stay.
  void release();
  /// Entries that are kept.
  std::int64_t kept() const;
  /// Where those are in the flattened parameter: int64 [kept], ascending.
  at::Tensor kept_places() const;
  /// The entries of a tensor of its shape at those places, in their order: a copy [kept].
  at::Tensor kept_entries(const at::Tensor& dense) const;
  /// A copy of value with these entries [kept] at those places.
  at::Tensor with_kept_entries(const at::Tensor& entries) const;
  /// Effective as files hold it: float32 on the CPU, pruned entries exactly 0 (where value is negative, effective is
  /// -0).
  at::Tensor file_value() const;
};

}  // namespace ntt
