#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ntt/onnx/translation.h"

namespace ntt::onnx_import {

/// Looks back from a node at what made its inputs, to recognise subgraphs at their ends.
class Look {
 public:
  explicit Look(Translation& translation) : translation_(translation) {}

  /// The name of the value before nodes that do nothing.
  const std::string& source(const std::string& name) const;
  /// The node that makes a value if it is of that operator and has its inputs; else null.
  const ::onnx::NodeProto* made_by(const std::string& name, std::string_view operation) const;
  /// The number that a constant of one entry is.
  std::optional<double> scalar(const std::string& name) const;
  std::optional<Activation> activation(const std::string& name) const;
  /// Whether two names are one value, as far as that can be seen.
  bool same(const std::string& a, const std::string& b) const;
  /// The other input of a node with two of which one is a number, and that number.
  std::optional<std::pair<std::string, double>> with_scalar(const ::onnx::NodeProto& node) const;

 private:
  Translation& translation_;
};

}  // namespace ntt::onnx_import
