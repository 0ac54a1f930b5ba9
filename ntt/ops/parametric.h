#pragma once

#include "ntt/ops/operator.h"

namespace ntt {

/// Which parameters a kernel counts: every one, or only those that their masks keep.
enum class ParameterSet { all, active };

/// Rows of one side of a kernel: a node's inputs and pulled-back probes.
struct GramRows {
  Tensors inputs;    ///< [n, in...] each
  at::Tensor delta;  ///< [n, k, out...]
  Tensors saved;     ///< the tape's, of the whole batch
};

/// What Gram leaves for its adjoint, so that neither builds it twice.
struct GramCache {
  at::Tensor inputs;  ///< operator's own: products of inputs
  at::Tensor deltas;  ///< operator's own: products of deltas
  at::Tensor left;    ///< per-example Jacobian of the left rows
  at::Tensor right;   ///< per-example Jacobian of the right rows
};

/// Cotangents of GramRows; inputs are undefined where they were not wanted.
struct GramCotangents {
  GramRows left;
  GramRows right;  ///< undefined where left and right are the same rows: left then holds the sum
};

/// An operator with trained parameters, in which it is linear: adds its part of the kernel. K[ia, jb] =
/// ⟨∂(v_ia·f(x_i))/∂θ, ∂(v_jb·f(x_j))/∂θ⟩ over this node's θ.
class ParametricOperator : public Operator {
 public:
  using Operator::Operator;

  const ParametricOperator* as_parametric() const override { return this; }

  /// The Jacobian of the rows' probed outputs by one parameter: [n*k, entries].
  virtual at::Tensor jacobian(std::size_t parameter, const GramRows& rows, const NodeParameters& parameters) const = 0;
  /// The transpose of jacobian's derivative for its cotangent [n*k, entries]: added to the rows' delta and, where they
  /// are wanted, to their inputs (made where undefined).
  virtual void add_jacobian_adjoint(std::size_t parameter, const GramRows& rows, const NodeParameters& parameters,
                                    const at::Tensor& cotangent, const std::vector<bool>& wants_input,
                                    GramRows& into) const = 0;

  /// kernel [n_left*k, n_right*k] += this node's part; by its Jacobians, unless an operator knows better. The cache, if
  /// given, is what gram_adjoint takes.
  virtual void gram(const GramRows& left, const GramRows& right, const NodeParameters& parameters, ParameterSet set,
                    at::Tensor& kernel, GramCache* cache) const;
  /// The transpose of gram's derivative: cotangent [n_left*k, n_right*k] of the kernel to those of its rows. When left
  /// and right are the same rows, the cotangent must be symmetric.
  virtual GramCotangents gram_adjoint(const GramRows& left, const GramRows& right, const NodeParameters& parameters,
                                      ParameterSet set, const at::Tensor& cotangent, const GramCache& cache,
                                      const std::vector<bool>& wants_input) const;
};

/// Whether both sides of a kernel are the same rows.
bool same_rows(const GramRows& left, const GramRows& right);

/// jacobian of one parameter, or its columns of kept entries where only those count.
at::Tensor counted_jacobian(const ParametricOperator& op, std::size_t parameter, const GramRows& rows,
                            const NodeParameters& parameters, ParameterSet set);
/// add_jacobian_adjoint of one parameter for the cotangent of counted_jacobian.
void add_counted_jacobian_adjoint(const ParametricOperator& op, std::size_t parameter, const GramRows& rows,
                                  const NodeParameters& parameters, ParameterSet set, const at::Tensor& cotangent,
                                  const std::vector<bool>& wants_input, GramRows& into);

}  // namespace ntt
