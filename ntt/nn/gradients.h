#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ntt/nn/network.h"

namespace ntt {

/// Derivatives by a network's trained parameters, with respect to their effective values, in one flat buffer; owned by
/// whoever moves the parameters.
class Gradients {
 public:
  /// Zeros, of the parameters' type and device.
  explicit Gradients(const Network& network);

  /// The part of one parameter, in its shape; undefined for what is not trained.
  const at::Tensor& of(const Parameter& parameter) const { return parts_[parameter.id]; }
  /// The parts of a node's parameters.
  Tensors of(const NodeParameters& parameters) const;
  /// All of it: [entries], each parameter's part beginning at a multiple of 16.
  const at::Tensor& flat() const { return flat_; }
  void zero();

 private:
  at::Tensor flat_;
  Tensors parts_;
};

}  // namespace ntt
