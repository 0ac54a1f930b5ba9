#include "ntt/nn/sgd.h"

#include "ntt/core/sgd_update.h"

namespace ntt {

Sgd::Sgd(Network& network, double learning_rate, double momentum, bool nesterov)
    : Optimiser(network, learning_rate, "sgd", {"velocity"}), momentum_(momentum), nesterov_(nesterov) {}

void Sgd::step(const Gradients& gradients, double weight_decay) {
  begin_step();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    Parameter& parameter = *network_.parameters()[i];
    const double decay = parameter.role == Role::weight ? weight_decay : 0;
    sgd_update({learning_rate_, momentum_, nesterov_, decay}, parameter.value, parameter.effective,
               gradients.of(parameter), parameter.mask(), filled_state(i)[0]);
  }
}

void Sgd::move(at::Tensor& values, const at::Tensor& gradient, State& state, double weight_decay) const {
  sgd_update({learning_rate_, momentum_, nesterov_, weight_decay}, values, values, gradient, at::Tensor(), state[0]);
}

}  // namespace ntt
