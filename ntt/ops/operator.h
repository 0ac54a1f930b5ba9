#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/graph/graph.h"
#include "ntt/ops/parameter.h"
#include "ntt/ops/weight_products.h"

namespace ntt {

/// One tensor for each input of a node, or for each of its parameters. An undefined tensor stands for zeros or, where
/// it is a result, for one that was not wanted.
using Tensors = std::vector<at::Tensor>;

/// Where batch norm takes its mean and variance from.
enum class Statistics {
  running,        ///< the network's state, so that inputs do not depend on each other: inference, kernels, scores
  batch,          ///< the batch, with the derivative through them: supervised training
  batch_constant  ///< the batch, as constants
};

/// What a node remembers between the sweeps over one batch of N inputs with k probes each. The sweeps run in order:
/// forward, pullback, (Gram and its adjoint), pullback_adjoint, forward_adjoint.
struct NodeTape {
  std::int64_t batch = 0;  ///< N
  Tensors inputs;          ///< [N, in...] each, forward, of operators that need them later
  at::Tensor delta;        ///< [N, k, out...], what pullback was given, of operators that need it later
  at::Tensor delta_bar;    ///< [N, k, out...], Gram adjoint's share of the loss's derivative by delta
  Tensors input_bars;      ///< [N, in...] each, shares of the loss's derivative by the inputs, made before sweep 4
  Tensors saved;           ///< the operator's own
  std::vector<bool> wants_input;  ///< false where nothing before that input has trained parameters
  bool wants_delta_bar = true;    ///< false where delta is the probes themselves, which do not move
  Statistics statistics = Statistics::running;
};

/// What a node computes with: its parameters, in the order of its type's roles.
struct NodeParameters {
  std::vector<const Parameter*> values;
  const WeightProducts* products = nullptr;  ///< how it multiplies with its weight, if otherwise than densely

  const at::Tensor& effective(std::size_t i) const { return values[i]->effective; }
};

/// A parameter as an operator declares it: its name's end, its shape and its role.
struct ParameterRule {
  std::string_view suffix;  ///< "weight", "running_mean": PyTorch's
  Shape shape;
  Role role;
};

class ParametricOperator;

/// What a node computes, bound to its attributes and the shapes of its inputs, as four sweeps (docs/method.md): what it
/// does to activations, to pulled-back probes, and the transposes of both. N inputs, k probes. Holds no state of a
/// batch, which is in the tape.
class Operator {
 public:
  explicit Operator(Shape output_shape) : output_shape_(std::move(output_shape)) {}
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  virtual ~Operator() = default;

  const Shape& output_shape() const { return output_shape_; }
  /// Its parameters, in order.
  virtual std::vector<ParameterRule> parameters() const { return {}; }
  /// Multiply-adds of one input, counting weights only.
  virtual std::int64_t multiply_adds() const { return 0; }

  /// Sweep 1: activations [N, in...] to [N, out...].
  virtual at::Tensor forward(const Tensors& inputs, const NodeParameters& parameters, NodeTape& tape) const = 0;
  /// Sweep 2: delta [N, k, out...] to [N, k, in...] for each input, the transposed Jacobian.
  virtual Tensors pullback(const at::Tensor& delta, const NodeParameters& parameters, NodeTape& tape) const = 0;
  /// Sweep 3: the loss's derivatives by pullback's results [N, k, in...] to that by its argument [N, k, out...], the
  /// tape's delta_bar included. Adds to the gradients, one a parameter, and to the tape's input_bars.
  virtual at::Tensor pullback_adjoint(const Tensors& cotangents, const NodeParameters& parameters, NodeTape& tape,
                                      Tensors& gradients) const = 0;
  /// Sweep 4: the loss's derivative by the output [N, out...] to those by the inputs [N, in...], the tape's input_bars
  /// included. Adds to the gradients, one a parameter.
  virtual Tensors forward_adjoint(const at::Tensor& cotangent, const NodeParameters& parameters, NodeTape& tape,
                                  Tensors& gradients) const = 0;

  /// Itself where it has trained parameters.
  virtual const ParametricOperator* as_parametric() const { return nullptr; }

 private:
  Shape output_shape_;
};

/// What an operator is made from.
struct Declaration {
  const Attributes& attributes;
  const std::vector<Shape>& inputs;
};

/// A type of node, as the registry lists it.
struct OperatorType {
  std::string_view name;     ///< "conv2d"
  std::string_view stem;     ///< of nodes that are not named: "conv" gives "conv1"
  std::string_view formula;  ///< what it computes, for docs/operators.md
  std::vector<std::string_view> attributes;
  /// InputError where an attribute or the shape of an input does not fit, or there are too many or too few.
  std::unique_ptr<Operator> (*make)(const Declaration& declaration);
  std::string_view inputs = "one of any shape";  ///< for docs/operators.md
  std::string_view parameters = "";              ///< likewise: "weight [out, in]"
};

/// a + b where either may be undefined.
at::Tensor add_defined(const at::Tensor& a, const at::Tensor& b);
/// Adds to a sum that may be undefined; what it then holds may be shared with the term.
void accumulate(at::Tensor& sum, const at::Tensor& term);

/// [N, k, shape...] seen as [N*k, shape...].
at::Tensor merge_probes(const at::Tensor& values);
/// The reverse of merge_probes.
at::Tensor split_probes(const at::Tensor& values, std::int64_t probes);

}  // namespace ntt
