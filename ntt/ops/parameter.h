#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "ntt/core/api.h"
#include "ntt/core/sparsity_pattern.h"
#include "ntt/graph/graph.h"

namespace ntt {

/// The values of a parameter. `value` is what the optimiser moves; operators compute with `effective`, which is mask ⊙
/// value for a masked weight and shares value's memory otherwise.
struct NTT_API Parameter : ParameterSpec {
  at::Tensor value;                                ///< What the optimiser moves; undefined until drawn or read.
  at::Tensor effective;                            ///< What operators see.
  std::shared_ptr<const SparsityPattern> pattern;  ///< What the mask keeps; null: everything.
  bool prunable = false;                           ///< Weights are, unless left out of pruning.
  ParameterId id = 0;                              ///< Its place in the graph.

  bool trained() const { return is_trained(role); }
  /// The mask, 1 kept, 0 pruned, of value's type and shape; undefined where all is kept.
  at::Tensor mask() const { return pattern ? pattern->mask() : at::Tensor(); }
  /// Sets the mask (undefined: none) and brings effective up to date.
  void set_mask(at::Tensor new_mask);
  void set_pattern(std::shared_ptr<const SparsityPattern> new_pattern);
  /// Brings effective up to date after value changed.
  void refresh();
  /// Takes a value of its shape, without mask.
  void assign(at::Tensor new_value);
  /// Gives up all tensors until assign(); name and shape stay.
  void release();
  /// Entries that are kept.
  std::int64_t kept() const;
  /// Where those are in the flattened parameter: int64 [kept], ascending.
  at::Tensor kept_indices() const;
  /// The entries of a tensor of its shape at those indices, in their order: a copy [kept].
  at::Tensor kept_entries(const at::Tensor& dense) const;
  /// A copy of value with these entries [kept] at those indices.
  at::Tensor with_kept_entries(const at::Tensor& entries) const;
  /// Effective as files hold it: float32 on the CPU, pruned entries exactly 0 (where value is negative, effective is
  /// -0).
  at::Tensor file_value() const;
};

}  // namespace ntt
