#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/graph/graph.h"

namespace ntt::onnx_import {

/// A value of a draft: 0 is the network's input, the others are the nodes' outputs.
using DraftId = std::size_t;

/// A parameter with its value. Two whose values are the same memory, seen in the same way, are one parameter.
struct DraftParameter {
  at::Tensor value;
  std::string origin = {};   ///< the initialiser it comes from; empty: named after the node
  bool implied = false;      ///< not in the file: an identity that a later node may replace
  Role role = Role::weight;  ///< set by Draft::add
};

struct DraftNode {
  std::string type;
  std::string name = {};  ///< as in the file: may be empty, or another node's too
  Attributes attributes = {};
  std::vector<DraftId> inputs = {};
  std::map<std::string, DraftParameter, std::less<>> parameters = {};  ///< by the ends of their names
  Shape shape = {};                                                    ///< of the output; set by Draft::add
};

/// A graph under construction, with the values of its parameters. Unlike a GraphBuilder it takes nodes that turn out
/// not to be needed: a subgraph of the file that is recognised at its end has left its first nodes here.
class Draft {
 public:
  explicit Draft(Shape input);

  /// Adds a node and returns its output; InputError where it or the shape of a parameter does not fit.
  DraftId add(DraftNode node);

  /// The number of values: the next that is added.
  DraftId next() const { return nodes_.size() + 1; }
  void rename(DraftId value, const std::string& name) { nodes_[value - 1].name = name; }
  const Shape& shape(DraftId value) const;
  /// The node that makes a value if it is of that type; otherwise null. Not valid beyond the next add().
  const DraftNode* find(DraftId value, std::string_view type) const;
  /// The node that makes a value; null for the input.
  const DraftNode* node(DraftId value) const;

  struct Result {
    Graph graph;
    std::map<std::string, at::Tensor> values;
    std::vector<std::string> warnings;  ///< sentences on what is not quite as in the file
  };
  /// The graph of what `output` depends on, under names that are unique, and its parameters' values as float32. Gives
  /// up the draft's own tensors as it goes, so that a large network is in memory once.
  Result finish(const std::string& name, DraftId output);

 private:
  std::vector<bool> needed_for(DraftId output) const;

  Shape input_;
  std::vector<DraftNode> nodes_;
};

}  // namespace ntt::onnx_import
