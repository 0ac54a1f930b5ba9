#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"
#include "ntt/sparse/execution.h"

namespace ntt {

class SparseNetwork;

/// Answers batches with a trained network: on the CPU or, densely, where the network is.
///
///     const ntt::Predictor predictor(ntt::read_network("runs/ntt-trained").network);
///     predictor.predict(inputs, count, outputs);
///
/// Several threads may ask one predictor at once. Once each of them has had an answer, sparse execution takes no more
/// memory.
class NTT_API Predictor {
 public:
  /// InputError where sparse execution was asked for and this network has none.
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

  std::int64_t features() const { return features_; }
  std::int64_t outputs() const { return network_.outputs(); }
  /// Sparse or dense: how batches of so many inputs are answered.
  Execution execution(std::int64_t count) const;
  /// Memory that the weights take as batches of so many inputs are answered, indices included.
  std::int64_t weight_bytes(std::int64_t count) const;

 private:
  at::Tensor predict_densely(const at::Tensor& rows) const;

  Network network_;
  std::int64_t features_ = 0;
  bool few_sparse_ = false;                ///< whether few inputs are answered by the stored weights alone
  bool many_sparse_ = false;               ///< the same of full blocks
  std::unique_ptr<SparseNetwork> sparse_;  ///< where either is so
};

}  // namespace ntt
