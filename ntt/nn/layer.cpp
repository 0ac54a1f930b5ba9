#include "ntt/nn/layer.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

namespace ntt {

std::string to_string(const Shape& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

void Layer::for_each_parametric(Tape& /*tape*/,
                                const std::function<void(const ParametricLayer&, Tape&)>& /*visit*/) const {}

void Layer::collect_parameters(std::vector<Parameter*>& /*into*/) {}

void Layer::limit_cotangents(Tape& tape, bool needs_input, bool needs_output) const {
  tape.needs_input_cotangent = needs_input;
  tape.needs_output_cotangent = needs_output;
}

void Layer::initialise(RandomStream& /*stream*/, at::ScalarType /*dtype*/) {}

void ParametricLayer::for_each_parametric(Tape& tape,
                                          const std::function<void(const ParametricLayer&, Tape&)>& visit) const {
  visit(*this, tape);
}

bool same_rows(const GramRows& left, const GramRows& right) {
  return left.delta.data_ptr() == right.delta.data_ptr() && left.delta.sizes() == right.delta.sizes();
}

at::Tensor add_defined(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined()) {
    return b;
  }
  return b.defined() ? a + b : a;
}

at::Tensor merge_probes(const at::Tensor& values) {
  return values.flatten(0, 1);
}

at::Tensor split_probes(const at::Tensor& values, std::int64_t probes) {
  std::vector<std::int64_t> shape = values.sizes().vec();
  shape[0] /= probes;
  shape.insert(shape.begin() + 1, probes);
  return values.view(shape);
}

}  // namespace ntt
