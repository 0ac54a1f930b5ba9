#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/onnx/translation.h"

namespace ntt::onnx_import {

/// One node of the file while it is translated: what it says, what its inputs are, and where its outputs go. Errors say
/// what is wrong; the translation puts the names of file, node and operator before them.
class Step {
 public:
  Step(Translation& translation, const ::onnx::NodeProto& node)
      : translation_(translation), node_(node), first_(translation.draft().next()) {}

  Translation& translation() { return translation_; }
  Draft& draft() { return translation_.draft(); }
  std::int64_t opset() const { return translation_.opset(); }
  const ::onnx::NodeProto& node() const { return node_; }

  /// @name Inputs, which may be left out by an empty name
  ///@{
  std::size_t inputs() const { return static_cast<std::size_t>(node_.input_size()); }
  bool has_input(std::size_t i) const { return i < inputs() && !node_.input(static_cast<int>(i)).empty(); }
  const std::string& input_name(std::size_t i) const;
  /// InputError where it is left out or cannot be had.
  const Item& input(std::size_t i);
  bool is_constant(std::size_t i) { return has_input(i) && std::holds_alternative<Constant>(input(i)); }
  bool is_activation(std::size_t i) { return has_input(i) && std::holds_alternative<Activation>(input(i)); }
  /// InputError where it is a constant.
  Activation activation(std::size_t i);
  /// InputError where it depends on the network's input.
  const Constant& constant(std::size_t i);
  /// The same where the number of inputs in a batch has no part in it but as a factor.
  const Constant& known(std::size_t i);
  /// A constant of floats that does not depend on the batch.
  at::Tensor numbers(std::size_t i);
  /// The one float of a constant.
  double number(std::size_t i);
  /// The whole numbers of a constant of any shape, which do not depend on the batch.
  std::vector<std::int64_t> integers(std::size_t i);
  ///@}

  /// @name Attributes; InputError where one is of another type
  ///@{
  const ::onnx::AttributeProto* attribute(std::string_view name, ::onnx::AttributeProto::AttributeType type) const;
  bool has(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  double number(std::string_view name, double otherwise) const;
  std::string word(std::string_view name, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name) const;
  ///@}

  /// Axes, sizes or the like: an attribute in older opsets, an input in newer ones. Empty where neither is there.
  std::vector<std::int64_t> integers(std::string_view name, std::size_t input);
  bool has_integers(std::string_view name, std::size_t input) const { return has(name) || has_input(input); }

  /// @name Outputs
  ///@{
  /// Whether anybody reads it.
  bool is_used(int output) const;
  /// A node of the draft that was added in this step and makes it gets this node's name.
  void set(Item item, int output = 0);
  /// Adds a node and makes its value the first output.
  void add(DraftNode node, const BatchAxis& batch) { set(Activation{add_helper(std::move(node)), batch}); }
  /// Adds a node that helps to make an output.
  DraftId add_helper(DraftNode node);
  ///@}

  /// An ONNX axis counted from the front; InputError where there are not so many.
  static std::int64_t axis(std::int64_t axis, std::int64_t rank);

 private:
  Translation& translation_;
  const ::onnx::NodeProto& node_;
  DraftId first_;  ///< that this step can have added
};

/// A float attribute as the number that was meant: 1e-5, not 9.99999974737875e-06.
double meant(float number);

}  // namespace ntt::onnx_import
