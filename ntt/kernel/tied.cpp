#include "ntt/kernel/tied.h"

#include <ATen/ATen.h>

#include "ntt/core/gemm.h"

namespace ntt {
namespace {

/// A node that uses a parameter, and as which of its own.
struct Use {
  NodeId node;
  std::size_t place;
};

/// The uses of every trained parameter that a marked node has.
std::vector<std::vector<Use>> uses_in(const Network& network, const std::vector<bool>& tied) {
  std::vector<std::vector<Use>> uses(network.graph().parameters.size());
  for (NodeId node = 0; node < tied.size(); ++node) {
    const std::vector<ParameterId>& parameters = network.execution().nodes[node].parameters;
    for (std::size_t place = 0; tied[node] && place < parameters.size(); ++place) {
      if (is_trained(network.graph().parameters[parameters[place]].role)) {
        uses[parameters[place]].push_back({node, place});
      }
    }
  }
  std::erase_if(uses, [](const std::vector<Use>& of_one) { return of_one.empty(); });
  return uses;
}

const ParametricOperator& op_of(const Network& network, const Use& use) {
  return *network.op(use.node).as_parametric();
}

at::Tensor whole_jacobian(const Network& network, const std::vector<Use>& uses, const Side& side, ParameterSet set) {
  at::Tensor sum;
  for (const Use& use : uses) {
    accumulate(sum, counted_jacobian(op_of(network, use), use.place, rows_of(side.batch->tape.nodes[use.node], side),
                                     network.parameters_of(use.node), set));
  }
  return sum;
}

bool same_side(const Side& left, const Side& right) {
  return left.batch == right.batch && left.first == right.first && left.count == right.count;
}

void add_adjoint(const Network& network, const std::vector<Use>& uses, const Side& side, ParameterSet set,
                 const at::Tensor& jacobian_bar, GramRows GramCotangents::*rows, std::vector<GramCotangents>& into) {
  for (const Use& use : uses) {
    const NodeTape& tape = side.batch->tape.nodes[use.node];
    add_counted_jacobian_adjoint(op_of(network, use), use.place, rows_of(tape, side), network.parameters_of(use.node),
                                 set, jacobian_bar, tape.wants_input, into[use.node].*rows);
  }
}

}  // namespace

void add_tied_gram(const Network& network, const std::vector<bool>& tied, const Side& left, const Side& right,
                   ParameterSet set, at::Tensor& kernel) {
  for (const std::vector<Use>& uses : uses_in(network, tied)) {
    const at::Tensor by_left = whole_jacobian(network, uses, left, set);
    const at::Tensor by_right = same_side(left, right) ? by_left : whole_jacobian(network, uses, right, set);
    matmul_into(kernel, by_left, Transpose::no, by_right, Transpose::yes, 1.0);
  }
}

std::vector<GramCotangents> tied_gram_adjoint(const Network& network, const std::vector<bool>& tied, const Side& left,
                                              const Side& right, ParameterSet set, const at::Tensor& cotangent) {
  std::vector<GramCotangents> result(tied.size());
  for (const std::vector<Use>& uses : uses_in(network, tied)) {
    const bool symmetric = same_side(left, right);
    const at::Tensor by_left = whole_jacobian(network, uses, left, set);
    const at::Tensor by_right = symmetric ? by_left : whole_jacobian(network, uses, right, set);
    const at::Tensor left_bar = matmul(cotangent, Transpose::no, by_right, Transpose::no);
    if (symmetric) {
      left_bar.mul_(2);
    } else {
      add_adjoint(network, uses, right, set, matmul(cotangent, Transpose::yes, by_left, Transpose::no),
                  &GramCotangents::right, result);
    }
    add_adjoint(network, uses, left, set, left_bar, &GramCotangents::left, result);
  }
  return result;
}

}  // namespace ntt
