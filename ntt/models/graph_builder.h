#pragma once

#include <map>
#include <set>
#include <string>

#include "ntt/graph/graph.h"

namespace ntt {

/// A node to be added to a graph.
struct NodeSpec {
  std::string type;
  std::string name;
  Attributes attributes;
  std::vector<ValueId> inputs;
  /// Full names of parameters, by the end of the name that their type gives them ("weight"), where they are not
  /// "<node>.weight". The name of an earlier parameter ties the two: they are one.
  std::map<std::string, std::string, std::less<>> parameter_names = {};
};

/// Builds a graph node by node, inferring shapes and parameters.
class GraphBuilder {
 public:
  GraphBuilder(std::string name, Shape input);

  /// Adds a node and returns its output. InputError where the type is not known, an attribute, shape or number of
  /// inputs does not fit, a tied parameter has another shape or role, a name is there already, or a tensor is too
  /// large.
  ValueId add(const NodeSpec& spec);

  const std::string& name() const { return graph_.name; }
  const Shape& shape(ValueId value) const { return graph_.values[value].shape; }
  static constexpr ValueId kInput = 0;

  /// The graph with this output, without the nodes and parameters that the output does not depend on.
  Graph finish(ValueId output);

 private:
  ParameterId parameter(ParameterSpec spec);

  Graph graph_;
  std::set<std::string> names_;
};

}  // namespace ntt
