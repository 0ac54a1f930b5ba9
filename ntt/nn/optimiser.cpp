#include "ntt/nn/optimiser.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"

namespace ntt {
namespace {

at::Tensor stored(const TensorFile& checkpoint, const std::string& name, const at::Tensor& like) {
  const at::Tensor& tensor = checkpoint.at(name);
  if (tensor.sizes() != like.sizes() || tensor.scalar_type() != like.scalar_type()) {
    fail_input("{}: '{}' does not fit this network; it belongs to a run with other options", checkpoint.origin, name);
  }
  return tensor.to(like.device()).clone();
}

}  // namespace

Optimiser::Optimiser(Network& network, double learning_rate, std::string name, std::vector<std::string> state_names)
    : network_(network),
      learning_rate_(learning_rate),
      states_(network.parameters().size(), State(state_names.size())),
      name_(std::move(name)),
      state_names_(std::move(state_names)) {}

Optimiser::State& Optimiser::filled_state(std::size_t parameter) {
  for (at::Tensor& tensor : states_[parameter]) {
    if (!tensor.defined()) {
      tensor = at::zeros_like(network_.parameters()[parameter]->value);
    }
  }
  return states_[parameter];
}

void Optimiser::save(TensorFile& checkpoint) {
  settle();
  checkpoint.tensors.emplace_back(counter_name(), at::tensor({steps_}, at::kLong));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const Parameter& parameter = *network_.parameters()[i];
    checkpoint.tensors.emplace_back(parameter.name, parameter.value);
    if (parameter.pattern) {
      checkpoint.tensors.emplace_back(parameter.name + "_mask", parameter.mask().to(at::kByte));
    }
    for (std::size_t j = 0; j < state_names_.size(); ++j) {
      const at::Tensor& tensor = states_[i][j];
      checkpoint.tensors.emplace_back(state_name(parameter, j),
                                      tensor.defined() ? tensor : at::zeros_like(parameter.value));
    }
  }
  for (const auto& parameter : network_.all_parameters()) {
    if (!parameter->trained()) {
      checkpoint.tensors.emplace_back(parameter->name, parameter->value);
    }
  }
}

void Optimiser::load(const TensorFile& checkpoint) {
  steps_ = stored(checkpoint, counter_name(), at::tensor({steps_}, at::kLong)).item<std::int64_t>();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    Parameter& parameter = *network_.parameters()[i];
    parameter.assign(stored(checkpoint, parameter.name, parameter.value));
    const std::string mask = parameter.name + "_mask";
    if (checkpoint.contains(mask)) {
      parameter.set_mask(stored(checkpoint, mask, parameter.value.to(at::kByte)).to(parameter.value.scalar_type()));
    }
    for (std::size_t j = 0; j < state_names_.size(); ++j) {
      states_[i][j] = stored(checkpoint, state_name(parameter, j), parameter.value);
    }
  }
  for (const auto& parameter : network_.all_parameters()) {
    if (!parameter->trained()) {
      parameter->assign(stored(checkpoint, parameter->name, parameter->value));
    }
  }
}

}  // namespace ntt
