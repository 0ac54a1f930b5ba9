#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ntt::onnx_import {

class Step;

/// Translates a node.
using Translate = void (*)(Step& step);

/// A float attribute that an operator of ONNX and a type of ours share.
struct AttributePair {
  std::string_view onnx;
  double onnx_default;
  std::string_view ours;
  double our_default;
};

/// An operator of ONNX that is one type of ours, of one input, with the same formula: all that reading and writing
/// need.
struct SimpleOperator {
  std::string_view onnx;                       ///< "LeakyRelu"
  std::string_view type;                       ///< "leaky-relu"
  int since;                                   ///< the opset that first had it
  std::vector<AttributePair> attributes = {};  ///< of numbers
  /// x times this operator of x, with our defaults for its attributes, is the same: what exporters write for opsets
  /// that do not have it, and what is read as it. Empty: no such form.
  std::string_view gate = {};
};

/// The operators that are written and read by their row alone.
const std::vector<SimpleOperator>& simple_operators();
/// The row whose nodes are of that type of ours; null if there is none.
const SimpleOperator* find_simple_operator_by_type(std::string_view type);

/// An operator that takes a function of its own.
struct OtherOperator {
  std::string_view onnx;
  Translate read;                            ///< where an input depends on the network's; null: constants alone
  Translate fold = nullptr;                  ///< where all inputs are constants
  std::vector<std::string_view> types = {};  ///< ours that it is read as, helpers aside
};

/// How to translate a node whose inputs are all constant, or are not; InputError naming the operators that are
/// supported where there is no such operator, or none of that kind.
Translate find_operator(const Step& step, bool constant);

/// The operators of ONNX that are read as a type of ours: for docs/operators.md.
std::vector<std::string_view> operators_read_as(std::string_view type);

/// The row of a node's operator; null where it has none.
const SimpleOperator* find_simple_operator(std::string_view onnx);

}  // namespace ntt::onnx_import
