#include "ntt/prune/prospr.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/error.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/prune/batches.h"
#include "ntt/prune/hessian.h"

namespace ntt {
namespace {

struct Part {
  at::Tensor inputs;
  at::Tensor labels;
};

Gradients gradients_on(const Network& network, const Part& part) {
  return gradients_of(network, part.inputs, [&](const Batch& batch, const at::Tensor& outputs) {
    return cross_entropy(outputs, batch.of(part.labels)).cotangent.mul_(batch.share);
  });
}

/// Adds scale · gradients to the kept entries of a network's trained parameters.
void add(Network& network, const Gradients& gradients, double scale) {
  for (Parameter* parameter : network.parameters()) {
    const at::Tensor& gradient = gradients.of(*parameter);
    parameter->value.add_(parameter->pattern ? gradient * parameter->mask() : gradient, scale);
    parameter->refresh();
  }
}

/// A network of the gradients, as a direction of Hessian products: 0 where masks prune.
Network direction_of(const Network& network, const Gradients& gradients) {
  Network direction = network.clone();
  for (Parameter* parameter : direction.parameters()) {
    const at::Tensor& gradient = gradients.of(*parameter);
    parameter->assign(parameter->pattern ? gradient * parameter->mask() : gradient.clone());
  }
  return direction;
}

/// H v on a part.
Gradients hessian_product(const Network& network, const Network& direction, const Part& part) {
  Gradients product(network);
  for_each_batch(part.inputs.size(0), [&](const Batch& batch) {
    add_hessian_product(network, direction, batch.of(part.inputs), batch.of(part.labels), batch.share, product);
  });
  return product;
}

}  // namespace

Scores prospr_scores(const Network& network, const at::Tensor& inputs, const at::Tensor& labels,
                     const ProsprOptions& options) {
  const std::int64_t size = inputs.size(0) / (options.steps + 1);
  if (size == 0) {
    fail_input("looking {} steps ahead takes at least {} inputs, and there are {}", options.steps, options.steps + 1,
               inputs.size(0));
  }
  const auto part = [&](std::int64_t k) {
    return Part{inputs.narrow(0, k * size, size), labels.narrow(0, k * size, size)};
  };
  std::vector<Network> passed;  // θ_0 ... θ_{K-1}
  Network current = network.clone();
  for (std::int64_t k = 0; k < options.steps; ++k) {
    passed.push_back(current.clone());
    add(current, gradients_on(current, part(k)), -options.learning_rate);
  }
  Gradients derivative = gradients_on(current, part(options.steps));
  for (std::int64_t k = options.steps; k-- > 0;) {
    const Network& at_step = passed[static_cast<std::size_t>(k)];
    const Gradients product = hessian_product(at_step, direction_of(at_step, derivative), part(k));
    derivative.flat().sub_(product.flat(), options.learning_rate);
  }
  Scores scores;
  Network start = network.clone();
  for (const Parameter* parameter : prunable_parameters(start)) {
    scores.push_back((parameter->effective * derivative.of(*parameter)).abs());
  }
  return scores;
}

}  // namespace ntt
