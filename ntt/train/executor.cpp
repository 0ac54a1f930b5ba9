#include "ntt/train/executor.h"

#include <ATen/ATen.h>

#include <utility>

#include "ntt/core/fused.h"
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

  void store() override {}

 private:
  Network& network_;
  Adam& optimiser_;
};

/// Weights, gradients and Adam's moments of the kept weights alone.
class SparseExecutor : public Executor {
 public:
  SparseExecutor(Network& network, Adam& optimiser)
      : network_(network), optimiser_(optimiser), sparse_(network, PlanFor::training) {
    for (std::size_t i = 0; i < network_.parameters().size(); ++i) {
      moments_.push_back({kept(i, optimiser_.moments()[i].first), kept(i, optimiser_.moments()[i].second)});
    }
  }

  double loss_and_gradient(const at::Tensor& inputs, const at::Tensor& labels, const at::Tensor& chosen) override {
    return sparse_.loss_and_gradient(inputs, labels, chosen);
  }

  void update(double weight_decay) override {
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

  void store() override {
    sparse_.store(network_);
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      put_back(i, moments_[i].first, optimiser_.moments()[i].first);
      put_back(i, moments_[i].second, optimiser_.moments()[i].second);
    }
  }

 private:
  at::Tensor mask_of(std::size_t parameter) const { return network_.parameters()[parameter]->mask; }

  at::Tensor kept(std::size_t parameter, const at::Tensor& dense) const {
    const at::Tensor mask = mask_of(parameter);
    return mask.defined() ? dense.masked_select(mask.ne(0)) : dense.reshape({-1}).clone();
  }

  void put_back(std::size_t parameter, const at::Tensor& values, at::Tensor& dense) const {
    const at::Tensor mask = mask_of(parameter);
    if (mask.defined()) {
      dense.masked_scatter_(mask.ne(0), values);
    } else {
      dense.copy_(values.view(dense.sizes()));
    }
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
};

}  // namespace

std::unique_ptr<Executor> make_executor(Execution chosen, Network& network, Adam& optimiser) {
  if (chosen == Execution::sparse) {
    return std::make_unique<SparseExecutor>(network, optimiser);
  }
  return std::make_unique<DenseExecutor>(network, optimiser);
}

}  // namespace ntt
