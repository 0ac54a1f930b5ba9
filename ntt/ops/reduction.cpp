// Sums and means over axes.

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/ops/attributes.h"
#include "ntt/ops/families.h"
#include "ntt/ops/linear_map.h"

namespace ntt {
namespace {

/// Σ over axes, times a factor.
class Reduction : public LinearMap {
 public:
  Reduction(Shape to, Shape from, std::vector<std::int64_t> axes, bool keeps, double factor)
      : LinearMap(std::move(to)), from_(std::move(from)), axes_(std::move(axes)), keeps_(keeps), factor_(factor) {}

 protected:
  at::Tensor apply(const Tensors& inputs) const override { return inputs.front().sum(axes_, keeps_).mul_(factor_); }

  Tensors apply_transpose(const at::Tensor& output, const std::vector<bool>& /*wanted*/) const override {
    Shape sizes{output.size(0)};
    sizes.insert(sizes.end(), from_.begin(), from_.end());
    Shape kept = sizes;
    for (const std::int64_t axis : axes_) {
      kept[static_cast<std::size_t>(axis)] = 1;
    }
    return {(output.reshape(kept) * factor_).expand(sizes).contiguous()};
  }

 private:
  Shape from_;
  std::vector<std::int64_t> axes_;  ///< with the batch
  bool keeps_;
  double factor_;
};

template <bool Mean>
std::unique_ptr<Operator> make_reduction(const Declaration& declaration) {
  const Settings settings(Mean ? "reduce-mean" : "reduce-sum", declaration);
  settings.check_inputs(1, 1);
  const Shape& from = settings.inputs().front();
  const bool keeps = settings.flag_or("keep_axes", false);
  std::vector<bool> reduced(from.size(), false);
  for (std::int64_t axis : settings.list("axes")) {
    axis += axis < 0 ? static_cast<std::int64_t>(from.size()) : 0;
    if (axis < 0 || axis >= static_cast<std::int64_t>(from.size()) || reduced[static_cast<std::size_t>(axis)]) {
      fail_input("'axes' must name some of the input's {} axes once, counted from 0 without the batch", from.size());
    }
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  Shape to;
  std::vector<std::int64_t> axes;
  double count = 1;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (reduced[axis]) {
      axes.push_back(static_cast<std::int64_t>(axis) + 1);
      count *= static_cast<double>(from[axis]);
    }
    if (!reduced[axis] || keeps) {
      to.push_back(reduced[axis] ? 1 : from[axis]);
    }
  }
  if (axes.empty()) {
    fail_input("a {} layer needs 'axes'", Mean ? "reduce-mean" : "reduce-sum");
  }
  return std::make_unique<Reduction>(std::move(to), from, std::move(axes), keeps, Mean ? 1 / count : 1.0);
}

}  // namespace

std::vector<OperatorType> reduction_types() {
  return {
      {"reduce-mean", "mean", "means over axes", {"axes", "keep_axes"}, make_reduction<true>},
      {"reduce-sum", "sum", "sums over axes", {"axes", "keep_axes"}, make_reduction<false>},
  };
}

}  // namespace ntt
