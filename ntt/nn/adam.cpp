#include "ntt/nn/adam.h"

#include <ATen/ATen.h>

#include <span>

namespace ntt {

Adam::Adam(Network& network, double learning_rate)
    : Optimiser(network, learning_rate, "adam", {"adam_first", "adam_second"}), pruned_(network.parameters().size()) {}

AdamStep Adam::current_step() const {
  AdamStep step;
  step.learning_rate = learning_rate_;
  step.step = steps_;
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
    const std::span<const AdamStep> waiting =
        std::span(unsettled_)
            .subspan(static_cast<std::size_t>(pruned.done + 1 - unsettled_.front().step),
                     static_cast<std::size_t>(steps - pruned.done));
    adam_catch_up(waiting, pruned.pattern->mask(), network_.parameters()[i]->value, states_[i][0], states_[i][1]);
  }
  pruned.done = steps;
}

void Adam::settle() {
  for (std::size_t i = 0; i < pruned_.size(); ++i) {
    settle(i, steps_);
  }
  unsettled_.clear();
}

void Adam::step(const Gradients& gradients, double weight_decay) {
  begin_step();
  AdamStep step = current_step();
  unsettled_.push_back(step);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    Parameter& parameter = *network_.parameters()[i];
    State& moments = filled_state(i);
    if (pruned_[i].pattern != parameter.pattern) {
      settle(i, steps_ - 1);
      pruned_[i] = pruned_by(parameter);
    }
    const at::Tensor& gradient = gradients.of(parameter);
    step.decay = parameter.role == Role::weight ? 2 * weight_decay : 0;
    if (pruned_[i].wait) {
      adam_update_kept(step, parameter.pattern->indices(), parameter.value, parameter.effective, gradient, moments[0],
                       moments[1]);
    } else {
      adam_update(step, parameter.value, parameter.effective, gradient, parameter.mask(), moments[0], moments[1]);
    }
  }
}

void Adam::move(at::Tensor& values, const at::Tensor& gradient, State& state, double weight_decay) const {
  AdamStep step = current_step();
  step.decay = 2 * weight_decay;
  adam_update(step, values, values, gradient, at::Tensor(), state[0], state[1]);
}

void Adam::load(const TensorFile& checkpoint) {
  Optimiser::load(checkpoint);
  pruned_.assign(pruned_.size(), {});
  unsettled_.clear();
}

}  // namespace ntt
