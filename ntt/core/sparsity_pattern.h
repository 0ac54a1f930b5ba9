#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>

#include "ntt/core/api.h"

namespace ntt {

/// Which entries of a parameter its mask keeps, and the indices that whoever computes with those alone needs.
/// Immutable: one is made when a mask is set and shared by all; indices are worked out when first asked for, by any
/// thread.
class NTT_API SparsityPattern {
 public:
  /// @param mask 1 kept, 0 pruned: of the parameter's shape, type and device
  explicit SparsityPattern(at::Tensor mask);
  SparsityPattern(const SparsityPattern&) = delete;
  SparsityPattern& operator=(const SparsityPattern&) = delete;

  const at::Tensor& mask() const { return mask_; }
  /// All entries, kept or not.
  std::int64_t entries() const { return mask_.numel(); }
  /// Entries that are kept.
  std::int64_t kept() const { return kept_; }
  /// Where those are in the flattened parameter: int64 [kept], ascending, on the mask's device.
  const at::Tensor& indices() const;
  /// The same as (row, column) of the parameter seen as a matrix [first side, rest]: int64 [kept] each.
  const at::Tensor& rows() const;
  const at::Tensor& columns() const;

 private:
  void split_indices() const;

  at::Tensor mask_;
  std::int64_t kept_;
  mutable std::once_flag found_;
  mutable at::Tensor indices_;
  mutable std::once_flag split_;
  mutable at::Tensor rows_;
  mutable at::Tensor columns_;
};

}  // namespace ntt
