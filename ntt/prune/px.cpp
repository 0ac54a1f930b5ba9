#include "ntt/prune/px.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/prune/batches.h"

namespace ntt {
namespace {

/// The network with f(weight) in the place of weights and scales, and nothing added or normalised.
template <typename Function>
Network path_network(const Network& network, Function&& f) {
  Network paths = network.clone();
  for (const auto& parameter : paths.all_parameters()) {
    switch (parameter->role) {
      case Role::weight:
      case Role::scale:
        parameter->value.copy_(f(parameter->value));
        break;
      case Role::bias:
      case Role::shift:
      case Role::mean:
        parameter->value.zero_();
        break;
      case Role::variance:
        parameter->value.fill_(1);
        break;
      default:
        break;
    }
    parameter->refresh();
  }
  return paths;
}

/// What node i passes on [N, 1, out...] of flows [N, 1, in...]: an operator with weights by those of `units`, any other
/// by its derivative at the inputs that the tape remembers.
at::Tensor pass_on(const Network& units, NodeId i, const Tensors& flows, Tape& tape, Gradients& unused) {
  const auto defined = [](const at::Tensor& flow) { return flow.defined(); };
  if (std::ranges::none_of(flows, defined)) {
    return {};
  }
  const NodeParameters parameters = units.parameters_of(i);
  if (units.op(i).as_parametric() == nullptr) {
    Tensors parts = unused.of(parameters);
    return units.op(i).pullback_adjoint(flows, parameters, tape.nodes[i], parts);
  }
  Tensors rows;
  for (const at::Tensor& flow : flows) {
    rows.push_back(flow.squeeze(1));
  }
  NodeTape scratch;
  scratch.batch = tape.nodes[i].batch;
  return units.op(i).forward(rows, parameters, scratch).unsqueeze(1);
}

/// z1 [N, C].
at::Tensor flow_of_data(const Network& network, const Network& units, const at::Tensor& inputs) {
  const Graph& graph = network.execution();
  Tape tape(network, {.wants_probes_bar = true});
  for (NodeTape& node : tape.nodes) {
    node.wants_input.assign(node.wants_input.size(), true);  // as flows come in before the first weights, too
  }
  const at::Tensor outputs = forward(network, inputs, tape);
  // Derivatives of curved activations look at what was pulled back through them.
  pullback(units, at::ones_like(outputs).unsqueeze(1), tape);
  Gradients unused(units);
  Tensors flows(graph.values.size());
  flows[graph.input] = inputs.square().unsqueeze(1);
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    Tensors arguments;
    for (const ValueId input : graph.nodes[i].inputs) {
      arguments.push_back(flows[input]);
    }
    flows[graph.nodes[i].output] = pass_on(units, i, arguments, tape, unused);
  }
  const at::Tensor& flow = flows[graph.output];
  return flow.defined() ? flow.squeeze(1) : at::zeros_like(outputs);
}

}  // namespace

Scores px_scores(const Network& network, const at::Tensor& inputs) {
  Network precise = network.clone();
  precise.to(network.device(), at::kDouble);
  const Network units = path_network(precise, [](const at::Tensor& value) { return at::ones_like(value); });
  at::Tensor of_data;
  for_each_batch(inputs.size(0), [&](const Batch& batch) {
    accumulate(of_data, flow_of_data(precise, units, batch.of(inputs).to(at::kDouble)).sum(0, true));
  });
  Network squares = path_network(precise, [](const at::Tensor& value) { return value.square(); });
  Tape tape(squares);
  Gradients gradients(squares);
  forward(squares, at::ones(network.graph().batch_shape(1), of_data.options()), tape);
  forward_adjoint(squares, of_data, tape, gradients);
  Scores scores;
  for (const Parameter* parameter : prunable_parameters(squares)) {
    scores.push_back(parameter->effective * gradients.of(*parameter));
  }
  return scores;
}

}  // namespace ntt
