#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"

namespace ntt {

/// What the sweeps over one batch are asked for beside the parameters' derivatives.
struct SweepOptions {
  Statistics statistics = Statistics::running;
  bool wants_probes_bar = false;  ///< sweep 3's result: the derivative by the probes, where those move too
};

/// What a network remembers between the sweeps over one batch: one entry a node of execution().
struct Tape {
  Tape() = default;
  explicit Tape(const Network& network, SweepOptions options = {});

  std::vector<NodeTape> nodes;
};

/// Sweep 1: inputs [N, ...], contiguous, to outputs [N, C].
at::Tensor forward(const Network& network, const at::Tensor& inputs, Tape& tape);
/// Sweep 2: pulls probes [N, k, C] back through the network.
void pullback(const Network& network, const at::Tensor& probes, Tape& tape);
/// Sweep 3, from the input on: adds to the gradients what the tape's delta_bars cause, and leaves input_bars for sweep
/// 4. Returns the derivative by the probes [N, k, C] if that was asked for.
at::Tensor pullback_adjoint(const Network& network, Tape& tape, Gradients& gradients);
/// Sweep 4: from the derivative by the outputs [N, C] (undefined: zero) and the tape's input_bars to the gradients.
void forward_adjoint(const Network& network, const at::Tensor& cotangent, Tape& tape, Gradients& gradients);

/// Sweep 1 that remembers nothing: each value is given up after its last reader.
at::Tensor run_forward(const Network& network, const at::Tensor& inputs, Statistics statistics = Statistics::running);

}  // namespace ntt
