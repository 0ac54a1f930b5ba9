#include "ntt/nn/parameter.h"

#include <ATen/ATen.h>

#include <utility>

namespace ntt {

void Parameter::set_mask(at::Tensor new_mask) {
  mask = std::move(new_mask);
  products.reset();
  effective = mask.defined() ? value * mask : value;
}

void Parameter::assign(at::Tensor new_value) {
  value = std::move(new_value);
  gradient = at::zeros_like(value);
  set_mask({});
}

void Parameter::release() {
  value = mask = effective = gradient = at::Tensor();
}

void Parameter::refresh() {
  if (mask.defined()) {
    effective.copy_(value * mask);
  }
}

std::int64_t Parameter::kept() const {
  return mask.defined() ? at::count_nonzero(mask).item<std::int64_t>() : value.numel();
}

at::Tensor Parameter::file_value() const {
  const at::Tensor pruned = mask.defined() ? effective.masked_fill(mask.eq(0), 0) : effective;
  return pruned.to(at::kCPU, at::kFloat).contiguous();
}

at::Tensor Parameter::kept_places() const {
  return mask.defined() ? at::nonzero(mask.flatten()).flatten()
                        : at::arange(value.numel(), value.options().dtype(at::kLong));
}

at::Tensor Parameter::kept_entries(const at::Tensor& dense) const {
  // masked_select would take 16 bytes of working memory for each entry, kept or not.
  return mask.defined() ? dense.flatten().index_select(0, kept_places()) : dense.flatten().clone();
}

at::Tensor Parameter::with_kept_entries(const at::Tensor& entries) const {
  return mask.defined() ? value.masked_scatter(mask.ne(0), entries) : entries.view(value.sizes()).clone();
}

}  // namespace ntt
