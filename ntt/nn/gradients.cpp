#include "ntt/nn/gradients.h"

#include <ATen/ATen.h>

namespace ntt {

Gradients::Gradients(const Network& network) : parts_(network.all_parameters().size()) {
  constexpr std::int64_t kAlignment = 16;  // floats of a cache line
  std::int64_t total = 0;
  std::vector<std::int64_t> begins;
  for (const Parameter* parameter : network.parameters()) {
    begins.push_back(total);
    total += (entries(parameter->shape) + kAlignment - 1) / kAlignment * kAlignment;
  }
  flat_ = at::zeros({total}, network.parameters().front()->value.options());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const Parameter& parameter = *network.parameters()[i];
    parts_[parameter.id] = flat_.narrow(0, begins[i], entries(parameter.shape)).view(parameter.shape);
  }
}

Tensors Gradients::of(const NodeParameters& parameters) const {
  Tensors parts;
  for (const Parameter* parameter : parameters.values) {
    parts.push_back(parts_[parameter->id]);
  }
  return parts;
}

void Gradients::zero() {
  flat_.zero_();
}

}  // namespace ntt
