#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "ntt/nn/layers/sequence.h"
#include "ntt/nn/network_spec.h"

namespace ntt {

/// A sequential network f: [N, input...] to [N, outputs], with parameters. Every function but predict works on one
/// batch through a Tape, which the caller keeps.
class Network {
 public:
  /// Builds the layers, without values for the parameters; InputError naming the layer whose shapes do not fit.
  explicit Network(NetworkSpec spec);

  /// A network with freshly drawn parameters, a function of the seed and purpose alone.
  static Network random(NetworkSpec spec, std::uint64_t seed, std::string_view purpose = "teacher",
                        at::ScalarType dtype = at::kFloat);

  /// A network of the same values and masks in memory of its own.
  Network clone() const;
  /// Moves values and masks; gradients start again at zero.
  void to(at::Device device, at::ScalarType dtype);

  const NetworkSpec& spec() const { return spec_; }
  std::int64_t outputs() const { return outputs_; }
  at::ScalarType dtype() const { return parameters_.front()->value.scalar_type(); }
  at::Device device() const { return parameters_.front()->value.device(); }

  /// All parameters, from input to output.
  const std::vector<Parameter*>& parameters() { return parameters_; }
  const std::vector<const Parameter*>& parameters() const { return const_parameters_; }
  Sequence& layers() { return *layers_; }
  const Sequence& layers() const { return *layers_; }

  /// Outputs [N, outputs], batch by batch, remembering nothing.
  at::Tensor predict(const at::Tensor& inputs, std::int64_t batch_size = 256) const;
  void zero_gradients();

  /// Kept weights / all weights, biases not counted.
  double density() const;

 private:
  NetworkSpec spec_;
  std::unique_ptr<Sequence> layers_;
  std::int64_t outputs_ = 0;
  std::vector<Parameter*> parameters_;
  std::vector<const Parameter*> const_parameters_;
};

}  // namespace ntt
