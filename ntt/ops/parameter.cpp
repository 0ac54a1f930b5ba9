#include "ntt/ops/parameter.h"

#include <ATen/ATen.h>

#include <utility>

namespace ntt {

void Parameter::set_mask(at::Tensor new_mask) {
  set_pattern(new_mask.defined() ? std::make_shared<SparsityPattern>(std::move(new_mask)) : nullptr);
}

void Parameter::set_pattern(std::shared_ptr<const SparsityPattern> new_pattern) {
  pattern = std::move(new_pattern);
  effective = pattern ? value * pattern->mask() : value;
}

void Parameter::assign(at::Tensor new_value) {
  value = std::move(new_value);
  set_pattern(nullptr);
}

void Parameter::release() {
  value = effective = at::Tensor();
  pattern = nullptr;
}

void Parameter::refresh() {
  if (pattern) {
    effective.copy_(value * pattern->mask());
  }
}

std::int64_t Parameter::kept() const {
  return pattern ? pattern->kept() : value.numel();
}

at::Tensor Parameter::file_value() const {
  const at::Tensor pruned = pattern ? effective.masked_fill(pattern->mask().eq(0), 0) : effective;
  return pruned.to(at::kCPU, at::kFloat).contiguous();
}

at::Tensor Parameter::kept_indices() const {
  return pattern ? pattern->indices() : at::arange(value.numel(), value.options().dtype(at::kLong));
}

at::Tensor Parameter::kept_entries(const at::Tensor& dense) const {
  return pattern ? dense.flatten().index_select(0, pattern->indices()) : dense.flatten().clone();
}

at::Tensor Parameter::with_kept_entries(const at::Tensor& entries) const {
  return pattern ? value.masked_scatter(pattern->mask().ne(0), entries) : entries.view(value.sizes()).clone();
}

}  // namespace ntt
