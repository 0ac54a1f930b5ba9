#pragma once

#include <string>
#include <vector>

#include "ntt/io/safetensors.h"
#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Moves all trained parameters of one network along their gradients; a pruned weight gets gradient zero.
class Optimiser {
 public:
  /// What is remembered of one parameter from step to step. Undefined tensors stand for zeros.
  using State = std::vector<at::Tensor>;

  virtual ~Optimiser() = default;
  Optimiser(const Optimiser&) = delete;
  Optimiser& operator=(const Optimiser&) = delete;

  /// One step along the gradients, with the penalty on weights, not biases, that `weight_decay` means to the optimiser.
  virtual void step(const Gradients& gradients, double weight_decay) = 0;
  /// Moves what earlier steps left where it was: the result is as if they had moved everything.
  virtual void settle() {}

  std::int64_t steps() const { return steps_; }
  double learning_rate() const { return learning_rate_; }
  /// Of the steps from now on.
  void set_learning_rate(double learning_rate) { learning_rate_ = learning_rate; }

  /// For whoever moves the parameters in another form: counts one more step, moves some entries of one parameter in it
  /// (weight_decay 0 for what is no weight), and the states, one for each parameter, to take away and to put back.
  void begin_step() { ++steps_; }
  virtual void move(at::Tensor& values, const at::Tensor& gradient, State& state, double weight_decay) const = 0;
  std::vector<State>& states() { return states_; }

  /// Adds values, masks and states to a checkpoint, and takes them back: the network and the next steps are then
  /// bit-identical. InputError naming the file and the tensor that is missing or has another shape.
  void save(TensorFile& checkpoint);
  virtual void load(const TensorFile& checkpoint);

 protected:
  /// Keeps a reference to the network, whose states start at zero.
  /// @param name        of its counter of steps in checkpoints
  /// @param state_names what the tensors of a state are called there
  Optimiser(Network& network, double learning_rate, std::string name, std::vector<std::string> state_names);

  /// The parameter's state with zeros where there was nothing.
  State& filled_state(std::size_t parameter);

  Network& network_;
  double learning_rate_;
  std::int64_t steps_ = 0;
  std::vector<State> states_;

 private:
  std::string counter_name() const { return name_ + ".steps"; }
  std::string state_name(const Parameter& parameter, std::size_t i) const {
    return parameter.name + "." + state_names_[i];
  }

  std::string name_;
  std::vector<std::string> state_names_;
};

}  // namespace ntt
