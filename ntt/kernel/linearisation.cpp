#include "ntt/kernel/linearisation.h"

#include <ATen/ATen.h>

#include "ntt/kernel/tied.h"

namespace ntt {
namespace {

/// Both sides' cotangents as the whole batch's; undefined where the node made none.
at::Tensor join_sides(const at::Tensor& left, const at::Tensor& right) {
  return left.defined() && right.defined() ? at::cat({left, right}) : left;
}

/// Leaves both sides' cotangents for sweeps 3 and 4.
void leave_bars(const GramCotangents& bar, NodeTape& tape) {
  tape.delta_bar = join_sides(bar.left.delta, bar.right.delta);
  for (std::size_t i = 0; i < bar.left.inputs.size(); ++i) {
    tape.input_bars[i] = join_sides(bar.left.inputs[i], bar.right.inputs.empty() ? at::Tensor() : bar.right.inputs[i]);
  }
}

}  // namespace

GramRows rows_of(const NodeTape& tape, const Side& side) {
  GramRows rows{{}, tape.delta.narrow(0, side.first, side.count), tape.saved};
  for (const at::Tensor& input : tape.inputs) {
    rows.inputs.push_back(input.narrow(0, side.first, side.count));
  }
  return rows;
}

Linearisation linearise(const Network& network, const at::Tensor& inputs, const at::Tensor& probes,
                        Statistics statistics) {
  Linearisation result{{}, probes, Tape(network, {statistics})};
  result.outputs = forward(network, inputs.contiguous(), result.tape);
  if (probes.size(1) > 0) {
    pullback(network, probes, result.tape);
  }
  return result;
}

at::Tensor kernel(const Network& network, const Side& left, const Side& right, ParameterSet parameters,
                  KernelCache* cache) {
  at::Tensor result = at::zeros({left.count * left.batch->probe_count(), right.count * right.batch->probe_count()},
                                left.batch->probes.options());
  const std::vector<bool>& tied = network.tied();
  if (cache != nullptr) {
    cache->resize(tied.size());
  }
  for (NodeId node = 0; node < tied.size(); ++node) {
    const ParametricOperator* op = network.op(node).as_parametric();
    if (op != nullptr && !tied[node]) {
      op->gram(rows_of(left.batch->tape.nodes[node], left), rows_of(right.batch->tape.nodes[node], right),
               network.parameters_of(node), parameters, result, cache != nullptr ? &(*cache)[node] : nullptr);
    }
  }
  add_tied_gram(network, tied, left, right, parameters, result);
  return result;
}

void kernel_adjoint(const Network& network, Linearisation& batch, const Side& left, const Side& right,
                    ParameterSet parameters, const KernelCache& cache, const at::Tensor& cotangent,
                    const at::Tensor& outputs_cotangent, Gradients& gradients) {
  const std::vector<bool>& tied = network.tied();
  std::vector<GramCotangents> of_tied = tied_gram_adjoint(network, tied, left, right, parameters, cotangent);
  for (NodeId node = 0; node < tied.size(); ++node) {
    const ParametricOperator* op = network.op(node).as_parametric();
    NodeTape& tape = batch.tape.nodes[node];
    if (op != nullptr && tied[node]) {
      leave_bars(of_tied[node], tape);
    } else if (op != nullptr) {
      leave_bars(op->gram_adjoint(rows_of(tape, left), rows_of(tape, right), network.parameters_of(node), parameters,
                                  cotangent, cache[node], tape.wants_input),
                 tape);
    }
  }
  pullback_adjoint(network, batch.tape, gradients);
  forward_adjoint(network, outputs_cotangent, batch.tape, gradients);
}

}  // namespace ntt
