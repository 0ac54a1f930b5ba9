#include "ntt/train/executor.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "ntt/core/adam_update.h"
#include "ntt/core/threads.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/sparse/sparse_network.h"

namespace ntt {
namespace {

class DenseExecutor : public Executor {
 public:
  DenseExecutor(Network& network, Adam& optimiser) : network_(network), optimiser_(optimiser) {}

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    Tape tape;
    network_.layers().limit_cotangents(tape, false, false);
    network_.zero_gradients();
    const at::Tensor outputs = network_.layers().forward(inputs.index_select(0, chosen), tape);
    const CrossEntropy loss = cross_entropy(outputs, labels.index_select(0, chosen));
    network_.layers().forward_adjoint(loss.cotangent, tape);
    return loss.loss;
  }

  void update(double weight_decay) override { optimiser_.step(weight_decay); }

  Score score(const at::Tensor& inputs, const at::Tensor& labels) const override {
    return ntt::score(network_.predict(inputs), labels);
  }

  std::vector<at::Tensor> kept_entries() const override {
    std::vector<at::Tensor> entries;
    for (const Parameter* parameter : network_.parameters()) {
      entries.push_back(parameter->kept_entries(parameter->value));
    }
    return entries;
  }

  void store_network() override { optimiser_.settle(); }
  void store() override { optimiser_.settle(); }

 private:
  Network& network_;
  Adam& optimiser_;
};

/// Networks whose dense values take less keep what they gave up in the process: with a tracker, evaluations after every
/// few steps would take longer by a fifth.
constexpr std::size_t kReturnedBytes = 16 << 20;

/// Weights, gradients and Adam's moments of the kept weights alone.
class SparseExecutor : public Executor {
 public:
  SparseExecutor(Network& network, Adam& optimiser)
      : network_(network), optimiser_(optimiser), sparse_(network, PlanFor::training) {
    // Masks stay as they are while a network is trained, so that moments of pruned weights, which began as zeros and
    // got no gradient, are zeros in every checkpoint, too.
    for (std::size_t i = 0; i < network_.parameters().size(); ++i) {
      const Parameter& parameter = *network_.parameters()[i];
      const auto kept = [&](const at::Tensor& moment) {
        return moment.defined() ? parameter.kept_entries(moment) : at::zeros({parameter.kept()}, at::kFloat);
      };
      moments_.push_back({kept(optimiser_.moments()[i].first), kept(optimiser_.moments()[i].second)});
    }
    release();
  }

  ~SparseExecutor() override {
    if (released_) {
      store_network();
    }
  }

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    release();
    return sparse_.loss_and_gradient(inputs, labels, chosen);
  }

  void update(double weight_decay) override {
    release();
    AdamStep step = optimiser_.next_step();
    for (std::size_t i = 0; i < sparse_.layers().size(); ++i) {
      SparseLayer& layer = sparse_.layers()[i];
      step.decay = 2 * weight_decay;
      move(step, layer.weight, sparse_.gradient().narrow(0, layer.gradient_at, layer.entries()), moments_[2 * i]);
      step.decay = 0;
      move(step, layer.bias, sparse_.gradient().narrow(0, layer.gradient_at + layer.entries(), layer.outputs),
           moments_[2 * i + 1]);
    }
    sparse_.refresh();
  }

  Score score(const at::Tensor& inputs, const at::Tensor& labels) const override {
    return ntt::score(sparse_.predict(inputs), labels);
  }

  std::vector<at::Tensor> kept_entries() const override {
    std::vector<at::Tensor> entries;
    for (const SparseLayer& layer : sparse_.layers()) {
      entries.push_back(layer.weight.clone());
      entries.push_back(layer.bias.clone());
    }
    return entries;
  }

  void store_network() override {
    const c10::InferenceMode ordinary(false);  // whoever has the network may change its tensors in any mode
    sparse_.store(network_);
    released_ = false;
  }

  void store() override {
    store_network();
    for (std::size_t i = 0; i < sparse_.layers().size(); ++i) {
      const SparseLayer& layer = sparse_.layers()[i];
      const Adam::Moments& weight = moments_[2 * i];
      const Adam::Moments& bias = moments_[2 * i + 1];
      optimiser_.moments()[2 * i] = {layer.spread(weight.first), layer.spread(weight.second)};
      optimiser_.moments()[2 * i + 1] = {bias.first.clone(), bias.second.clone()};
    }
  }

 private:
  void release() {
    if (released_) {
      return;
    }
    std::size_t bytes = 0;
    for (Parameter* parameter : network_.parameters()) {
      bytes += parameter->value.nbytes();
      parameter->release();
    }
    for (Adam::Moments& moments : optimiser_.moments()) {
      moments = {};
    }
    if (bytes >= kReturnedBytes) {
      return_freed_memory();
    }
    released_ = true;
  }

  static void move(const AdamStep& step, at::Tensor& values, const at::Tensor& gradient, Adam::Moments& moments) {
    if (values.numel() > 0) {
      adam_update(step, values, values, gradient, at::Tensor(), moments.first, moments.second);
    }
  }

  Network& network_;
  Adam& optimiser_;
  SparseNetwork sparse_;
  std::vector<Adam::Moments> moments_;  ///< a parameter, at its kept entries
  bool released_ = false;               ///< network and optimiser hold nothing
};

}  // namespace

std::unique_ptr<Executor> make_executor(Execution chosen, Network& network, Adam& optimiser) {
  if (chosen == Execution::sparse) {
    return std::make_unique<SparseExecutor>(network, optimiser);
  }
  return std::make_unique<DenseExecutor>(network, optimiser);
}

}  // namespace ntt
