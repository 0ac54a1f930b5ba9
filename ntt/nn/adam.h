#pragma once

#include <vector>

#include "ntt/core/fused.h"
#include "ntt/io/safetensors.h"
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

  /// One step along the parameters' gradients, plus the derivative of weight_decay · Σ‖m⊙W‖² over weights, not biases.
  void step(double weight_decay);

  std::int64_t steps() const { return steps_; }

  /// For whoever moves the parameters in another form: counts one more step and says what it does, and the moments, one
  /// pair a parameter, to take away and to put back.
  AdamStep next_step();
  std::vector<Moments>& moments() { return moments_; }

  /// Adds values, masks and moments to a checkpoint, and takes them back: the network and the next steps are then
  /// bit-identical. InputError naming the file and the tensor that is missing or has another shape.
  void save(TensorFile& checkpoint) const;
  void load(const TensorFile& checkpoint);

 private:
  Network& network_;
  double learning_rate_;
  std::int64_t steps_ = 0;
  std::vector<Moments> moments_;
};

}  // namespace ntt
