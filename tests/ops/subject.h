#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "ntt/ops/parametric.h"
#include "tests/support/operators.h"

namespace ntt::testing_support {

/// An operator with drawn inputs, parameters and cotangents: N inputs, k probes, in float64.
class Subject {
 public:
  static constexpr std::int64_t kInputs = 3;

  explicit Subject(const oracle::OperatorRow& row, const oracle::OperatorCase& made, std::int64_t inputs = kInputs,
                   std::int64_t probes = 2);

  /// The reference as autograd follows it.
  at::Tensor reference(const Tensors& inputs, const Tensors& parameters,
                       Statistics statistics = Statistics::running) const;
  /// Leaves for the reference: the effective parameters; those that are not trained need no derivative.
  Tensors parameter_leaves() const;

  /// A tape for sweeps with these inputs wanted; none given: all.
  NodeTape tape(std::vector<bool> wants_input = {}) const;
  NodeParameters node_parameters() const;
  /// Zeros for each trained parameter, undefined for the others.
  Tensors zero_gradients() const;
  /// Rows of both sides after sweep 1 on all inputs.
  GramRows rows(std::int64_t first, std::int64_t count) const;

  /// Converts parameters, inputs and cotangents.
  void to(at::ScalarType dtype);
  /// Masks weights at random.
  void mask(double density);
  /// Everything that sweeps are given and must leave alone.
  Tensors given() const;

  const oracle::OperatorRow& row;
  const oracle::OperatorCase& made;
  std::unique_ptr<Operator> op;
  std::vector<std::unique_ptr<Parameter>> parameters;
  Tensors x;              ///< [N, in...] each
  at::Tensor delta;       ///< [N, k, out...]
  Tensors pulled_bars;    ///< [N, k, in...] each
  at::Tensor output_bar;  ///< [N, out...]
};

/// Standard-normal values [lead..., shape...].
at::Tensor draw_values(const std::vector<std::int64_t>& lead, const Shape& shape, std::uint64_t seed);

/// "conv2d_uneven" for all rows and cases.
std::vector<std::string> operator_case_names();
/// By such a name.
Subject subject(const std::string& name, std::int64_t inputs = Subject::kInputs, std::int64_t probes = 2);

/// Those that autograd gives for a scalar, zeros where it does not depend on a tensor or a tensor needs none.
Tensors derivatives(const at::Tensor& scalar, const Tensors& by, bool differentiable = false);

}  // namespace ntt::testing_support
