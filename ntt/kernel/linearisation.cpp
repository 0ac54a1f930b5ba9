#include "ntt/kernel/linearisation.h"

#include <ATen/ATen.h>

namespace ntt {
namespace {

GramRows rows_of(const Tape& tape, const Side& side) {
  return {tape.input.narrow(0, side.first, side.count), tape.delta.narrow(0, side.first, side.count)};
}

/// Both sides' cotangents as the whole batch's; undefined where the layer made none.
at::Tensor join_sides(const at::Tensor& left, const at::Tensor& right) {
  return left.defined() && right.defined() ? at::cat({left, right}) : left;
}

}  // namespace

Linearisation linearise(const Network& network, const at::Tensor& inputs, const at::Tensor& probes) {
  Linearisation result;
  result.probes = probes;
  network.layers().limit_cotangents(result.tape, false, false);
  result.outputs = network.layers().forward(inputs.contiguous(), result.tape);
  if (probes.size(1) > 0) {
    network.layers().pullback(probes, result.tape);
  }
  return result;
}

at::Tensor kernel(const Network& network, const Side& left, const Side& right, ParameterSet parameters,
                  KernelCache* cache) {
  at::Tensor result = at::zeros({left.count * left.batch->probe_count(), right.count * right.batch->probe_count()},
                                left.batch->probes.options());
  std::vector<const Tape*> right_tapes;
  network.layers().for_each_parametric(right.batch->tape,
                                       [&](const ParametricLayer&, Tape& tape) { right_tapes.push_back(&tape); });
  std::size_t index = 0;
  network.layers().for_each_parametric(left.batch->tape, [&](const ParametricLayer& layer, Tape& tape) {
    GramCache* layer_cache = cache != nullptr ? &cache->emplace_back() : nullptr;
    layer.gram(rows_of(tape, left), rows_of(*right_tapes[index++], right), parameters, result, layer_cache);
  });
  return result;
}

void kernel_adjoint(Network& network, Linearisation& batch, const Side& left, const Side& right,
                    ParameterSet parameters, const KernelCache& cache, const at::Tensor& cotangent,
                    const at::Tensor& outputs_cotangent) {
  std::size_t index = 0;
  network.layers().for_each_parametric(batch.tape, [&](const ParametricLayer& layer, Tape& tape) {
    const GramCotangents bar = layer.gram_adjoint(rows_of(tape, left), rows_of(tape, right), parameters, cotangent,
                                                  cache[index++], tape.needs_input_cotangent);
    tape.delta_bar = join_sides(bar.left.delta, bar.right.delta);
    tape.input_bar = join_sides(bar.left.input, bar.right.input);
  });
  network.layers().pullback_adjoint({}, batch.tape);
  network.layers().forward_adjoint(outputs_cotangent, batch.tape);
}

}  // namespace ntt
