#include "ntt/nn/adam.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"

namespace ntt {
namespace {

constexpr const char* kSteps = "adam.steps";

at::Tensor stored(const TensorFile& checkpoint, const std::string& name, const at::Tensor& like) {
  const at::Tensor& tensor = checkpoint.at(name);
  if (tensor.sizes() != like.sizes() || tensor.scalar_type() != like.scalar_type()) {
    fail_input("{}: '{}' does not fit this network; it belongs to a run with other options", checkpoint.origin, name);
  }
  return tensor.to(like.device()).clone();
}

at::Tensor defined(const at::Tensor& moment, const at::Tensor& like) {
  return moment.defined() ? moment : at::zeros_like(like);
}

}  // namespace

Adam::Adam(Network& network, double learning_rate)
    : network_(network),
      learning_rate_(learning_rate),
      moments_(network.parameters().size()),
      pruned_(network.parameters().size()) {}

AdamStep Adam::next_step() {
  AdamStep step;
  step.learning_rate = learning_rate_;
  step.step = ++steps_;
  return step;
}

Adam::Pruned Adam::pruned_by(const Parameter& parameter) const {
  constexpr std::int64_t kFew = 4;  // at a quarter, picking the kept weights out costs what it saves
  const bool few = parameter.pattern && parameter.value.is_cpu() && parameter.kept() * kFew < parameter.value.numel();
  return {parameter.pattern, few, steps_ - 1};
}

void Adam::settle(std::size_t i, std::int64_t steps) {
  Pruned& pruned = pruned_[i];
  if (pruned.wait && pruned.done < steps) {
    AdamStep step;
    step.learning_rate = learning_rate_;
    step.step = steps;
    adam_catch_up(step, pruned.done, pruned.pattern->mask(), network_.parameters()[i]->value, moments_[i].first,
                  moments_[i].second);
  }
  pruned.done = steps;
}

void Adam::settle() {
  for (std::size_t i = 0; i < pruned_.size(); ++i) {
    settle(i, steps_);
  }
}

void Adam::step(const Gradients& gradients, double weight_decay) {
  AdamStep step = next_step();
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    Parameter& parameter = *network_.parameters()[i];
    Moments& moments = moments_[i];
    moments = {defined(moments.first, parameter.value), defined(moments.second, parameter.value)};
    if (pruned_[i].pattern != parameter.pattern) {
      settle(i, steps_ - 1);
      pruned_[i] = pruned_by(parameter);
    }
    const at::Tensor& gradient = gradients.of(parameter);
    step.decay = parameter.role == Role::weight ? 2 * weight_decay : 0;
    if (pruned_[i].wait) {
      adam_update_kept(step, parameter.pattern->indices(), parameter.value, parameter.effective, gradient,
                       moments.first, moments.second);
    } else {
      adam_update(step, parameter.value, parameter.effective, gradient, parameter.mask(), moments.first,
                  moments.second);
    }
  }
}

void Adam::save(TensorFile& checkpoint) {
  settle();
  checkpoint.tensors.emplace_back(kSteps, at::tensor({steps_}, at::kLong));
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const Parameter& parameter = *network_.parameters()[i];
    checkpoint.tensors.emplace_back(parameter.name, parameter.value);
    if (parameter.pattern) {
      checkpoint.tensors.emplace_back(parameter.name + "_mask", parameter.mask().to(at::kByte));
    }
    checkpoint.tensors.emplace_back(parameter.name + ".adam_first", defined(moments_[i].first, parameter.value));
    checkpoint.tensors.emplace_back(parameter.name + ".adam_second", defined(moments_[i].second, parameter.value));
  }
  for (const auto& parameter : network_.all_parameters()) {
    if (!parameter->trained()) {
      checkpoint.tensors.emplace_back(parameter->name, parameter->value);
    }
  }
}

void Adam::load(const TensorFile& checkpoint) {
  steps_ = stored(checkpoint, kSteps, at::tensor({steps_}, at::kLong)).item<std::int64_t>();
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    Parameter& parameter = *network_.parameters()[i];
    parameter.assign(stored(checkpoint, parameter.name, parameter.value));
    const std::string mask = parameter.name + "_mask";
    if (checkpoint.contains(mask)) {
      parameter.set_mask(stored(checkpoint, mask, parameter.value.to(at::kByte)).to(parameter.value.scalar_type()));
    }
    moments_[i].first = stored(checkpoint, parameter.name + ".adam_first", parameter.value);
    moments_[i].second = stored(checkpoint, parameter.name + ".adam_second", parameter.value);
    pruned_[i] = {};
  }
  for (const auto& parameter : network_.all_parameters()) {
    if (!parameter->trained()) {
      parameter->assign(stored(checkpoint, parameter->name, parameter->value));
    }
  }
}

}  // namespace ntt
