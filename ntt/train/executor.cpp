#include "ntt/train/executor.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "ntt/core/memory.h"
#include "ntt/nn/cross_entropy.h"
#include "ntt/nn/gradients.h"
#include "ntt/nn/statistics.h"
#include "ntt/nn/sweeps.h"
#include "ntt/sparse/sparse_network.h"
#include "ntt/sparse/sparse_products.h"

namespace ntt {
namespace {

/// Layer by layer on whole batches: with all weights, or by the products that `products` says.
class LayerExecutor : public Executor {
 public:
  LayerExecutor(Network& network, Optimiser& optimiser, double label_smoothing, Execution products)
      : network_(network), optimiser_(optimiser), label_smoothing_(label_smoothing), gradients_(network) {
    choose_products(network_, products);
  }
  ~LayerExecutor() override { choose_products(network_, Execution::dense); }

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    gradients_.zero();
    return dense_loss_and_gradient(network_, inputs.index_select(0, chosen), labels.index_select(0, chosen),
                                   label_smoothing_, gradients_);
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
  Optimiser& optimiser_;
  double label_smoothing_;
  Gradients gradients_;
};

/// Networks whose dense values take less keep what they gave up in the process: with a tracker, evaluations after every
/// few steps would take longer by a fifth.
constexpr std::size_t kReturnedBytes = 16 << 20;

/// Weights, gradients and the optimiser's states of the kept weights only.
class BlockExecutor : public Executor {
 public:
  BlockExecutor(Network& network, Optimiser& optimiser, double label_smoothing)
      : network_(network),
        optimiser_(optimiser),
        label_smoothing_(label_smoothing),
        sparse_(network, PlanFor::training) {
    // Masks stay as they are while a network is trained, so that states of pruned weights, which began as zeros and got
    // no gradient, are zeros in every checkpoint, too.
    for (std::size_t i = 0; i < network_.parameters().size(); ++i) {
      const Parameter& parameter = *network_.parameters()[i];
      parts_.push_back(part_of(parameter));
      states_.emplace_back();
      for (const at::Tensor& tensor : optimiser_.states()[i]) {
        states_.back().push_back(tensor.defined() ? parameter.kept_entries(tensor)
                                                  : at::zeros({parameter.kept()}, at::kFloat));
      }
    }
    release();
  }

  ~BlockExecutor() override {
    if (released_) {
      store_network();
    }
  }

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    release();
    return sparse_.loss_and_gradient(inputs, labels, chosen, label_smoothing_);
  }

  void update(double weight_decay) override {
    release();
    optimiser_.begin_step();
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      at::Tensor values = parts_[i].values();
      const at::Tensor gradient = sparse_.gradient().narrow(0, parts_[i].gradient_at(), values.numel());
      if (values.numel() > 0) {
        optimiser_.move(values, gradient, states_[i], parts_[i].is_bias ? 0 : weight_decay);
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
      for (std::size_t j = 0; j < states_[i].size(); ++j) {
        optimiser_.states()[i][j] = parts_[i].dense(states_[i][j]);
      }
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
    for (Optimiser::State& state : optimiser_.states()) {
      std::ranges::fill(state, at::Tensor());
    }
    if (bytes >= kReturnedBytes) {
      return_freed_memory();
    }
    released_ = true;
  }

  Network& network_;
  Optimiser& optimiser_;
  double label_smoothing_;
  SparseNetwork sparse_;
  std::vector<Part> parts_;               ///< one a parameter of the network
  std::vector<Optimiser::State> states_;  ///< of each, at its kept entries
  bool released_ = false;                 ///< network and optimiser hold nothing
};

}  // namespace

double dense_loss_and_gradient(Network& network, const at::Tensor& inputs, const at::Tensor& labels,
                               double label_smoothing, Gradients& gradients) {
  Tape tape(network, {.statistics = Statistics::batch});
  const at::Tensor outputs = forward(network, inputs, tape);
  const CrossEntropy loss = cross_entropy(outputs, labels, label_smoothing);
  forward_adjoint(network, loss.cotangent, tape, gradients);
  update_running_statistics(network, tape);
  return loss.loss;
}

std::unique_ptr<Executor> make_executor(Execution chosen, Network& network, Optimiser& optimiser,
                                        double label_smoothing) {
  if (chosen != Execution::dense && trains_in_blocks(network)) {
    return std::make_unique<BlockExecutor>(network, optimiser, label_smoothing);
  }
  return std::make_unique<LayerExecutor>(network, optimiser, label_smoothing, chosen);
}

}  // namespace ntt
