#include "ntt/nn/sweeps.h"

#include <ATen/ATen.h>

#include <utility>

namespace ntt {
namespace {

/// Runs sweep 1 with the tape that `tape_of` gives for each node.
template <typename TapeOf>
at::Tensor run(const Network& network, const at::Tensor& inputs, TapeOf&& tape_of) {
  const Graph& graph = network.execution();
  const std::vector<NodeId>& last = network.last_readers();
  Tensors values(graph.values.size());
  values[graph.input] = inputs;
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    Tensors arguments;
    for (const ValueId input : node.inputs) {
      arguments.push_back(values[input]);
    }
    for (const ValueId input : node.inputs) {
      if (last[input] == i && input != graph.output) {
        values[input] = at::Tensor();
      }
    }
    NodeTape& tape = tape_of(i);
    tape.batch = inputs.size(0);
    tape.input_bars.assign(node.inputs.size(), at::Tensor());
    values[node.output] = network.op(i).forward(arguments, network.parameters_of(i), tape);
  }
  return values[graph.output];
}

}  // namespace

Tape::Tape(const Network& network, SweepOptions options) : nodes(network.execution().nodes.size()) {
  const Graph& graph = network.execution();
  for (NodeId i = 0; i < nodes.size(); ++i) {
    for (const ValueId input : graph.nodes[i].inputs) {
      nodes[i].wants_input.push_back(network.depends()[input]);
    }
    nodes[i].wants_delta_bar = options.wants_probes_bar || graph.nodes[i].output != graph.output;
    nodes[i].statistics = options.statistics;
  }
}

at::Tensor forward(const Network& network, const at::Tensor& inputs, Tape& tape) {
  return run(network, inputs, [&](NodeId node) -> NodeTape& { return tape.nodes[node]; });
}

at::Tensor run_forward(const Network& network, const at::Tensor& inputs, Statistics statistics) {
  NodeTape scratch;
  return run(network, inputs, [&](NodeId) -> NodeTape& {
    scratch = NodeTape();
    scratch.statistics = statistics;
    return scratch;
  });
}

void pullback(const Network& network, const at::Tensor& probes, Tape& tape) {
  const Graph& graph = network.execution();
  Tensors deltas(graph.values.size());
  deltas[graph.output] = probes;
  for (NodeId i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const at::Tensor delta = std::exchange(deltas[node.output], at::Tensor());
    if (!delta.defined()) {
      continue;
    }
    const Tensors results = network.op(i).pullback(delta, network.parameters_of(i), tape.nodes[i]);
    for (std::size_t j = 0; j < results.size(); ++j) {
      accumulate(deltas[node.inputs[j]], results[j]);
    }
  }
}

at::Tensor pullback_adjoint(const Network& network, Tape& tape, Gradients& gradients) {
  const Graph& graph = network.execution();
  const std::vector<NodeId>& last = network.last_readers();
  Tensors bars(graph.values.size());
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    Tensors cotangents;
    for (const ValueId input : node.inputs) {
      cotangents.push_back(bars[input]);
    }
    for (const ValueId input : node.inputs) {
      if (last[input] == i) {
        bars[input] = at::Tensor();
      }
    }
    const NodeParameters parameters = network.parameters_of(i);
    Tensors parts = gradients.of(parameters);
    bars[node.output] = network.op(i).pullback_adjoint(cotangents, parameters, tape.nodes[i], parts);
  }
  return bars[graph.output];
}

void forward_adjoint(const Network& network, const at::Tensor& cotangent, Tape& tape, Gradients& gradients) {
  const Graph& graph = network.execution();
  Tensors cotangents(graph.values.size());
  cotangents[graph.output] = cotangent;
  for (NodeId i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const NodeParameters parameters = network.parameters_of(i);
    Tensors parts = gradients.of(parameters);
    const at::Tensor by_output = std::exchange(cotangents[node.output], at::Tensor());
    const Tensors results = network.op(i).forward_adjoint(by_output, parameters, tape.nodes[i], parts);
    for (std::size_t j = 0; j < results.size(); ++j) {
      accumulate(cotangents[node.inputs[j]], results[j]);
    }
  }
}

}  // namespace ntt
