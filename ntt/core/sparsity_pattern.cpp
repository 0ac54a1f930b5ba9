#include "ntt/core/sparsity_pattern.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ntt {

SparsityPattern::SparsityPattern(at::Tensor mask)
    : mask_(std::move(mask)), kept_(at::count_nonzero(mask_).item<std::int64_t>()) {}

const at::Tensor& SparsityPattern::indices() const {
  std::call_once(found_, [this] { indices_ = at::nonzero(mask_.flatten()).flatten(); });
  return indices_;
}

void SparsityPattern::split_indices() const {
  std::call_once(split_, [this] {
    const std::int64_t columns = std::max<std::int64_t>(mask_.numel() / std::max<std::int64_t>(mask_.size(0), 1), 1);
    rows_ = at::floor_divide(indices(), columns);
    columns_ = indices() - rows_ * columns;
  });
}

const at::Tensor& SparsityPattern::rows() const {
  split_indices();
  return rows_;
}

const at::Tensor& SparsityPattern::columns() const {
  split_indices();
  return columns_;
}

}  // namespace ntt
