#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ntt/ops/operator.h"

namespace ntt {

/// Every type of node, in the order of docs/operators.md.
const std::vector<OperatorType>& operator_types();

/// The type of that name; InputError naming all of them.
const OperatorType& find_operator_type(std::string_view name);

/// The operator of a node; InputError where its type, an attribute, a shape or the number of inputs does not fit.
std::unique_ptr<Operator> make_operator(std::string_view type, const Declaration& declaration);
/// The operator of a node of a graph.
std::unique_ptr<Operator> make_operator(const Graph& graph, const Node& node);

}  // namespace ntt
