#pragma once

#include <memory>
#include <vector>

#include "ntt/core/adam_update.h"
#include "ntt/nn/optimiser.h"

namespace ntt {

/// Adam (Kingma & Ba, ICLR 2015). The moments of masked weights, which get gradient zero, decay, and they carry on when
/// masks change (Liu & Zenke 2020). A state is the running mean of the gradient and that of its square.
class Adam : public Optimiser {
 public:
  Adam(Network& network, double learning_rate);

  /// The penalty is weight_decay · Σ‖m⊙W‖². Where masks keep few weights, only those move at once: whoever reads values
  /// or moments settles first. `effective` is always up to date.
  void step(const Gradients& gradients, double weight_decay) override;
  void settle() override;

  void move(at::Tensor& values, const at::Tensor& gradient, State& state, double weight_decay) const override;
  void load(const TensorFile& checkpoint) override;

 private:
  /// The pruned weights of one parameter, of which each step would only let the moments decay.
  struct Pruned {
    std::shared_ptr<const SparsityPattern> pattern;
    bool wait = false;      ///< false where all weights move at every step
    std::int64_t done = 0;  ///< steps that they have gone through
  };

  AdamStep current_step() const;
  Pruned pruned_by(const Parameter& parameter) const;
  void settle(std::size_t parameter, std::int64_t steps);

  std::vector<Pruned> pruned_;
  std::vector<AdamStep> unsettled_;  ///< the steps since the last settle()
};

}  // namespace ntt
