#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ntt/core/random.h"
#include "ntt/nn/parameter.h"

namespace ntt {

/// The shape of one input without the batch: [features] or [channels, height, width].
using Shape = std::vector<std::int64_t>;

/// "3x32x32"
std::string to_string(const Shape& shape);

/// Which parameters a kernel counts: every one, or only those that their masks keep.
enum class ParameterSet { all, active };

/// What one layer remembers between the sweeps over one batch of N inputs with k probes each. The sweeps run in order:
/// forward, pullback, (Gram and its adjoint), pullback_adjoint, forward_adjoint.
struct Tape {
  at::Tensor input;              ///< [N, in...], forward
  at::Tensor slope;              ///< φ'(z) [N, out...], forward of an activation
  at::Tensor curvature;          ///< φ''(z) [N, out...], forward of a curved activation
  at::Tensor winners;            ///< forward of max-pool
  at::Tensor delta;              ///< [N, k, out...], the cotangent that pullback was given
  at::Tensor delta_bar;          ///< [N, k, out...], Gram adjoint's share of the loss's derivative by delta
  at::Tensor input_bar;          ///< [N, in...], Gram adjoint's share of the loss's derivative by input
  at::Tensor preactivation_bar;  ///< [N, out...], what a curved activation owes sweep 4
  std::vector<Tape> children;    ///< of a layer made of layers

  bool needs_input_cotangent = true;   ///< false where nothing before this layer has parameters
  bool needs_output_cotangent = true;  ///< false where delta is the probes themselves, which do not move
};

/// Rows of one side of a kernel: one layer's input and pulled-back probes.
struct GramRows {
  at::Tensor input;  ///< [n, in...]
  at::Tensor delta;  ///< [n, k, out...]
};

/// What Gram leaves for its adjoint, so that neither builds it twice.
struct GramCache {
  at::Tensor inputs;  ///< layer's own: products of inputs
  at::Tensor deltas;  ///< layer's own: products of deltas
  at::Tensor left;    ///< per-example Jacobian of the left rows
  at::Tensor right;   ///< per-example Jacobian of the right rows
};

/// Cotangents of GramRows; input is undefined where it was not wanted.
struct GramCotangents {
  GramRows left;
  GramRows right;  ///< undefined where left and right are the same rows: left then holds the sum
};

class ParametricLayer;

/// One layer as four sweeps (docs/method.md): what it does to activations, to pulled-back probes, and the transposes of
/// both. Shapes: N inputs, k probes. An undefined tensor stands for zeros.
class Layer {
 public:
  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  /// The shape of an output, given that of an input; InputError if the input does not fit.
  virtual Shape output_shape(const Shape& input) const = 0;

  /// Sweep 1: activations [N, in...] to [N, out...].
  virtual at::Tensor forward(const at::Tensor& input, Tape& tape) const = 0;
  /// Sweep 2: delta [N, k, out...] to [N, k, in...], the transposed Jacobian; undefined where the tape wants none.
  virtual at::Tensor pullback(const at::Tensor& delta, Tape& tape) const = 0;
  /// Sweep 3: the loss's derivative by pullback's result [N, k, in...] to that by its argument [N, k, out...].
  virtual at::Tensor pullback_adjoint(const at::Tensor& cotangent, Tape& tape) = 0;
  /// Sweep 4: the loss's derivative by the output [N, out...] to that by the input [N, in...].
  virtual at::Tensor forward_adjoint(const at::Tensor& cotangent, Tape& tape) = 0;

  /// Calls visit on this layer, or on the layers that it is made of, wherever there are parameters.
  virtual void for_each_parametric(Tape& tape, const std::function<void(const ParametricLayer&, Tape&)>& visit) const;
  /// Whether it or a layer that it is made of has parameters.
  virtual bool has_parameters() const { return false; }
  /// Appends pointers to its parameters.
  virtual void collect_parameters(std::vector<Parameter*>& into);
  /// Tells the layers at either end of it what their neighbours do not need.
  virtual void limit_cotangents(Tape& tape, bool needs_input, bool needs_output) const;
  /// Draws Glorot-normal weights and N(0, 0.01²) biases.
  virtual void initialise(RandomStream& stream, at::ScalarType dtype);
};

/// A layer with weights: adds its part of the kernel. K[ia, jb] = ⟨∂(v_ia·f(x_i))/∂θ, ∂(v_jb·f(x_j))/∂θ⟩ over this
/// layer's θ.
class ParametricLayer : public Layer {
 public:
  /// kernel [n_left*k, n_right*k] += this layer's part. The cache, if given, is what gram_adjoint takes.
  virtual void gram(const GramRows& left, const GramRows& right, ParameterSet parameters, at::Tensor& kernel,
                    GramCache* cache) const = 0;
  /// The transpose of gram's derivative: cotangent [n_left*k, n_right*k] of the kernel to those of its rows. When left
  /// and right are the same rows, the cotangent must be symmetric.
  virtual GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, ParameterSet parameters,
                                      const at::Tensor& cotangent, const GramCache& cache, bool want_input) const = 0;

  void for_each_parametric(Tape& tape, const std::function<void(const ParametricLayer&, Tape&)>& visit) const override;
  bool has_parameters() const override { return true; }
};

/// Whether both sides of a kernel are the same rows.
bool same_rows(const GramRows& left, const GramRows& right);

/// a + b where either may be undefined.
at::Tensor add_defined(const at::Tensor& a, const at::Tensor& b);

/// [N, k, shape...] seen as [N*k, shape...].
at::Tensor merge_probes(const at::Tensor& values);
/// The reverse of merge_probes.
at::Tensor split_probes(const at::Tensor& values, std::int64_t probes);

}  // namespace ntt
