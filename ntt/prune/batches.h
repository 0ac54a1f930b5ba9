#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

#include "ntt/nn/sweeps.h"

namespace ntt {

/// Some of the inputs that a score is summed over.
struct Batch {
  std::int64_t first;
  std::int64_t count;
  double share;  ///< count / all inputs

  at::Tensor of(const at::Tensor& all) const { return all.narrow(0, first, count).contiguous(); }
};

/// Calls visit(Batch) on batches of at most 256, so that memory does not grow with the inputs of a score.
template <typename Visit>
void for_each_batch(std::int64_t inputs, Visit&& visit) {
  constexpr std::int64_t kMost = 256;
  for (std::int64_t first = 0; first < inputs; first += kMost) {
    const std::int64_t count = std::min(kMost, inputs - first);
    visit(Batch{first, count, static_cast<double>(count) / static_cast<double>(inputs)});
  }
}

/// The gradients of a sum over inputs: `derivative(batch, outputs)` is that by a batch's outputs.
template <typename Derivative>
Gradients gradients_of(const Network& network, const at::Tensor& inputs, Derivative&& derivative) {
  Gradients gradients(network);
  for_each_batch(inputs.size(0), [&](const Batch& batch) {
    Tape tape(network);
    const at::Tensor outputs = forward(network, batch.of(inputs), tape);
    forward_adjoint(network, derivative(batch, outputs), tape, gradients);
  });
  return gradients;
}

}  // namespace ntt
