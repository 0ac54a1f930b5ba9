#pragma once

#include <vector>

#include "ntt/core/adam_update.h"
#include "ntt/io/safetensors.h"
#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Adam (Kingma & Ba, ICLR 2015) on all parameters of one network. Masked weights get gradient zero while their moments
/// decay, and the moments carry on when masks change (Liu & Zenke 2020).
class Adam {
 public:
  /// Running means of a parameter's gradient and of its square. Undefined tensors stand for zeros.
  struct Moments {
    at::Tensor first;
    at::Tensor second;
  };

  /// Keeps a reference to the network, whose moments start at zero.
  Adam(Network& network, double learning_rate);

  /// One step along the gradients, plus the derivative of weight_decay · Σ‖m⊙W‖² over weights, not biases.
  /// Where masks keep few weights, only those move at once: whoever reads values or moments settles first. `effective`
  /// is always up to date.
  void step(const Gradients& gradients, double weight_decay);
  /// Moves what earlier steps left where it was: the result is as if they had moved everything.
  void settle();

  std::int64_t steps() const { return steps_; }

  /// For whoever moves the parameters in another form: counts one more step and says what it does, and the moments, one
  /// pair a parameter, to take away and to put back.
  AdamStep next_step();
  std::vector<Moments>& moments() { return moments_; }

  /// Adds values, masks and moments to a checkpoint, and takes them back: the network and the next steps are then
  /// bit-identical. InputError naming the file and the tensor that is missing or has another shape.
  void save(TensorFile& checkpoint);
  void load(const TensorFile& checkpoint);

 private:
  /// The pruned weights of one parameter, of which each step would only let the moments decay.
  struct Pruned {
    std::shared_ptr<const SparsityPattern> pattern;
    bool wait = false;      ///< false where all weights move at every step
    std::int64_t done = 0;  ///< steps that they have gone through
  };

  Pruned pruned_by(const Parameter& parameter) const;
  void settle(std::size_t parameter, std::int64_t steps);

  Network& network_;
  double learning_rate_;
  std::int64_t steps_ = 0;
  std::vector<Moments> moments_;
  std::vector<Pruned> pruned_;
};

}  // namespace ntt
