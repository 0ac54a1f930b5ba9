#include "ntt/nn/network.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/nn/network_builder.h"

namespace ntt {

Network::Network(NetworkSpec spec) : spec_(std::move(spec)), layers_(build_layers(spec_)) {
  const Shape output = layers_->output_shape(spec_.input);
  if (output.size() != 1) {
    fail_input("network '{}' ends in {}; its last layers must be flatten and linear, one output a class", spec_.name,
               to_string(output));
  }
  outputs_ = output[0];
  layers_->collect_parameters(parameters_);
  if (parameters_.empty()) {
    fail_input("network '{}' has no linear or conv2d layer, so there is nothing to train", spec_.name);
  }
  const_parameters_.assign(parameters_.begin(), parameters_.end());
}

Network Network::random(NetworkSpec spec, std::uint64_t seed, std::string_view purpose, at::ScalarType dtype) {
  Network network(std::move(spec));
  RandomStream stream(seed, purpose);
  network.layers_->initialise(stream, dtype);
  return network;
}

Network Network::clone() const {
  Network copy(spec_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    copy.parameters_[i]->assign(parameters_[i]->value.clone());
    copy.parameters_[i]->set_mask(parameters_[i]->mask.defined() ? parameters_[i]->mask.clone() : at::Tensor());
  }
  return copy;
}

void Network::to(at::Device device, at::ScalarType dtype) {
  for (Parameter* parameter : parameters_) {
    const at::Tensor mask = parameter->mask;
    parameter->assign(parameter->value.to(device, dtype));
    parameter->set_mask(mask.defined() ? mask.to(device, dtype) : mask);
  }
}

at::Tensor Network::predict(const at::Tensor& inputs, std::int64_t batch_size) const {
  std::vector<at::Tensor> outputs;
  for (std::int64_t first = 0; first < inputs.size(0); first += batch_size) {
    Tape tape;
    const at::Tensor batch = inputs.narrow(0, first, std::min(batch_size, inputs.size(0) - first));
    outputs.push_back(layers_->forward(batch.contiguous(), tape));
  }
  return outputs.empty() ? at::zeros({0, outputs_}, inputs.options()) : at::cat(outputs);
}

void Network::zero_gradients() {
  for (Parameter* parameter : parameters_) {
    parameter->gradient.zero_();
  }
}

double Network::density() const {
  std::int64_t kept = 0;
  std::int64_t all = 0;
  for (const Parameter* parameter : const_parameters_) {
    if (parameter->prunable) {
      kept += parameter->kept();
      all += parameter->value.numel();
    }
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

}  // namespace ntt
