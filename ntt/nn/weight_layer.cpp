#include "ntt/nn/weight_layer.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/nn/initialise.h"

namespace ntt {
namespace {

/// Sums [N, out...] over inputs and positions: [out].
at::Tensor sum_by_output(const at::Tensor& values) {
  return values.dim() == 2 ? values.sum(0) : values.sum({0, 2, 3});
}

}  // namespace

WeightLayer::WeightLayer(const std::string& name, Shape shape, const ConvGeometry& geometry,
                         std::unique_ptr<const WeightProducts> dense)
    : dense_(std::move(dense)) {
  bias_.name = name + ".bias";
  bias_.shape = {shape.front()};
  weight_.name = name + ".weight";
  weight_.shape = std::move(shape);
  weight_.geometry = geometry;
  weight_.prunable = true;
}

at::Tensor WeightLayer::forward(const at::Tensor& input, Tape& tape) const {
  tape.input = input;
  return products().outputs(weight_.effective, input, bias_.effective, {});
}

at::Tensor WeightLayer::pullback(const at::Tensor& delta, Tape& tape) const {
  tape.delta = delta;
  if (!tape.needs_input_cotangent) {
    return {};
  }
  return split_probes(products().inputs(weight_.effective, merge_probes(delta), {}), delta.size(1));
}

at::Tensor WeightLayer::pullback_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined()) {
    return tape.delta_bar;
  }
  const at::Tensor rows = merge_probes(cotangent);
  products().add_gradient(rows, merge_probes(tape.delta), weight_.gradient);
  if (!tape.needs_output_cotangent) {
    return {};
  }
  const at::Tensor sum = tape.delta_bar.defined() ? merge_probes(tape.delta_bar) : at::Tensor();
  return split_probes(products().outputs(weight_.effective, rows, {}, sum), cotangent.size(1));
}

at::Tensor WeightLayer::forward_adjoint(const at::Tensor& cotangent, Tape& tape) {
  if (!cotangent.defined()) {
    return tape.input_bar;
  }
  products().add_gradient(tape.input, cotangent, weight_.gradient);
  bias_.gradient.add_(sum_by_output(cotangent));
  if (!tape.needs_input_cotangent) {
    return {};
  }
  return products().inputs(weight_.effective, cotangent, tape.input_bar);
}

void WeightLayer::collect_parameters(std::vector<Parameter*>& into) {
  into.push_back(&weight_);
  into.push_back(&bias_);
}

void WeightLayer::initialise(RandomStream& stream, at::ScalarType dtype) {
  initialise_glorot(weight_, bias_, stream, dtype);
}

}  // namespace ntt
