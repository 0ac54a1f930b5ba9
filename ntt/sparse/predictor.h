#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"
#include "ntt/sparse/execution.h"
#include "ntt/sparse/layer_operations.h"

namespace ntt {

class SparseInference;

/// Runs inference with a network: with its stored weights only on the CPU, where that is faster, or densely, on any
/// device. Weights that are zero count as pruned, with a mask or without.
///
///     const ntt::Predictor predictor(ntt::read_network("runs/ntt-trained").network);
///     predictor.predict(inputs, count, outputs);
///
/// Several threads may use one predictor at once. Once each of them has had an output, sparse execution takes no more
/// memory, and nothing of the dense network stays in memory unless some number of inputs is computed so.
class NTT_API Predictor {
 public:
  /// InputError where sparse execution was asked for and this network has none: on other devices and in float64.
  explicit Predictor(Network network, Execution execution = Execution::automatic);
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;
  ~Predictor();

  /// Outputs [count, outputs()] of inputs [count, features()], standardised as in training, one after another. For a
  /// network on the CPU.
  void predict(const float* inputs, std::int64_t count, float* outputs) const;
  /// The same of a tensor [N, input...] or [N, features] on the network's device; InputError where its shape does not
  /// fit.
  at::Tensor predict(const at::Tensor& inputs) const;

  std::int64_t features() const { return entries(input_); }
  std::int64_t outputs() const { return outputs_; }
  /// Sparse or dense: how batches of so many inputs are computed.
  Execution execution(std::int64_t count) const;
  /// Memory that the weights take for batches of so many inputs, indices included.
  std::int64_t weight_bytes(std::int64_t count) const;
  /// What sparse execution takes for so many inputs; empty where it is dense.
  std::vector<LayerOperations> operations(std::int64_t count) const;

 private:
  at::Tensor predict_densely(const at::Tensor& rows) const;

  std::string name_;
  Shape input_;
  std::int64_t outputs_ = 0;
  std::optional<Network> network_;           ///< where some number of inputs is computed densely
  bool few_sparse_ = false;                  ///< whether few inputs are computed with the stored weights only
  bool many_sparse_ = false;                 ///< the same of full blocks
  std::unique_ptr<SparseInference> sparse_;  ///< where either is so
};

}  // namespace ntt
