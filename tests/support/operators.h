#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "ntt/core/random.h"
#include "ntt/graph/graph.h"
#include "ntt/ops/operator.h"

/// Every type of node once more, from libtorch's operations alone, and the cases that the shared operator test takes.
namespace ntt::oracle {

/// What a node is given: its attributes, inputs [N, in...] and the values of its parameters.
struct Call {
  const Attributes& attributes;
  const Tensors& inputs;
  const Tensors& parameters;
  std::int64_t batch = 0;  ///< N
  Statistics statistics = Statistics::running;
};

/// A node to test: "uneven_padding", its attributes and the shapes of its inputs.
struct OperatorCase {
  std::string name;
  Attributes attributes;
  std::vector<Shape> inputs;
};

/// A type of node: what it computes, differentiably, and cases of it.
struct OperatorRow {
  std::string_view type;
  at::Tensor (*reference)(const Call& call);
  std::vector<OperatorCase> cases;
  double least = 0;  ///< inputs keep this far from zero
};

/// One row a type of the registry: a new type needs one here.
const std::vector<OperatorRow>& operator_rows();
/// The row of a type; std::logic_error where there is none.
const OperatorRow& operator_row(std::string_view type);

/// Values that let no mistake pass for a parameter of that role: scales and variances are not 1, shifts not 0.
at::Tensor draw_role(Role role, const Shape& shape, RandomStream& stream, at::ScalarType dtype = at::kDouble);

}  // namespace ntt::oracle
