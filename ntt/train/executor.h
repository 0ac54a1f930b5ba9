#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"
#include "ntt/nn/optimiser.h"
#include "ntt/sparse/execution.h"
#include "ntt/train/metrics.h"

namespace ntt {

/// Steps of supervised training on one network and its optimiser.
class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// The gradient of the mean cross-entropy of the chosen inputs (int64 indices), labels smoothed, kept by the
  /// executor; returns the loss. Batch norm takes the batch's statistics, with which the running ones move.
  virtual double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) = 0;
  /// One step of the optimiser along it.
  virtual void update(double weight_decay) = 0;
  /// Accuracy and loss of the network as it is.
  virtual Score score(const at::Tensor& inputs, const at::Tensor& labels) const = 0;
  /// The kept entries of every parameter, as Network::all_parameters lists them, copied: a tensor [kept] each.
  virtual std::vector<at::Tensor> kept_entries() const = 0;
  /// Brings the network up to date with the steps done.
  virtual void store_network() = 0;
  /// The same of network and optimiser.
  virtual void store() = 0;
};

/// Adds the gradient of the mean cross-entropy of a batch, labels smoothed, by every weight, pruned ones too; returns
/// the loss. Batch norm takes the batch's statistics, with which the running ones move.
double dense_loss_and_gradient(Network& network, const at::Tensor& inputs, const at::Tensor& labels,
                               double label_smoothing, Gradients& gradients);

/// Keeps references to both, which nobody else may change while it is there. `chosen` is dense, sparse or, where layers
/// are to be sparse that are faster so, automatic. Networks that are trained in blocks give their tensors away for as
/// long as the executor holds the kept entries only: what was stored is there until the next step, and the network once
/// more at the executor's end. Pruned weights then have the value 0, whatever it was: no output, gradient or network
/// file reads it.
std::unique_ptr<Executor> make_executor(Execution chosen, Network& network, Optimiser& optimiser,
                                        double label_smoothing = 0);

}  // namespace ntt
