#include "ntt/train/executor.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "ntt/core/adam_update.h"
#include "ntt/core/memory.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/gradients.h"
#include "ntt/nn/statistics.h"
#include "ntt/nn/sweeps.h"
#include "ntt/sparse/sparse_network.h"

namespace ntt {
namespace {

class DenseExecutor : public Executor {
 public:
  DenseExecutor(Network& network, Adam& optimiser) : network_(network), optimiser_(optimiser), gradients_(network) {}

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    Tape tape(network_, {.statistics = Statistics::batch});
    gradients_.zero();
    const at::Tensor outputs = forward(network_, inputs.index_select(0, chosen), tape);
    const CrossEntropy loss = cross_entropy(outputs, labels.index_select(0, chosen));
    forward_adjoint(network_, loss.cotangent, tape, gradients_);
    update_running_statistics(network_, tape);
    return loss.loss;
  }

  void update(double weight_decay) override { optimiser_.step(gradients_, weight_decay); }

  Score score(const at::Tensor& inputs, const at::Tensor& labels) const override {
    return ntt::score(network_.predict(inputs), labels);
  }

  std::vector<at::Tensor> kept_entries() const override {
    std::vector<at::Tensor> entries;
    for (const auto& parameter : network_.all_parameters()) {
      entries.push_back(parameter->kept_entries(parameter->value));
    }
    return entries;
  }

  void store_network() override { optimiser_.settle(); }
  void store() override { optimiser_.settle(); }

 private:
  Network& network_;
  Adam& optimiser_;
  Gradients gradients_;
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
      parts_.push_back(part_of(parameter));
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
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      at::Tensor values = parts_[i].values();
      const at::Tensor gradient = sparse_.gradient().narrow(0, parts_[i].gradient_at(), values.numel());
      step.decay = parts_[i].is_bias ? 0 : 2 * weight_decay;
      if (values.numel() > 0) {
        adam_update(step, values, values, gradient, at::Tensor(), moments_[i].first, moments_[i].second);
      }
    }
    sparse_.refresh();
  }

  Score score(const at::Tensor& inputs, const at::Tensor& labels) const override {
    return ntt::score(sparse_.predict(inputs), labels);
  }

  std::vector<at::Tensor> kept_entries() const override {
    std::vector<at::Tensor> entries;
    auto part = parts_.begin();
    for (const auto& parameter : network_.all_parameters()) {
      entries.push_back(parameter->trained() ? (part++)->values().clone() : parameter->kept_entries(parameter->value));
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
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      optimiser_.moments()[i] = {parts_[i].dense(moments_[i].first), parts_[i].dense(moments_[i].second)};
    }
  }

 private:
  /// What a parameter of the network is here.
  struct Part {
    const SparseLayer* layer = nullptr;
    bool is_bias = false;

    const at::Tensor& values() const { return is_bias ? layer->bias : layer->weight; }
    std::int64_t gradient_at() const { return layer->gradient_at + (is_bias ? layer->entries() : 0); }
    /// A copy of its entries in its shape.
    at::Tensor dense(const at::Tensor& entries) const { return is_bias ? entries.clone() : layer->spread(entries); }
  };

  Part part_of(const Parameter& parameter) const {
    const auto layer = std::ranges::find_if(sparse_.layers(), [&](const SparseLayer& candidate) {
      return candidate.weight_id == parameter.id || candidate.bias_id == parameter.id;
    });
    return {&*layer, layer->weight_id != parameter.id};
  }

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

  Network& network_;
  Adam& optimiser_;
  SparseNetwork sparse_;
  std::vector<Part> parts_;             ///< one a parameter of the network
  std::vector<Adam::Moments> moments_;  ///< of each, at its kept entries
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
