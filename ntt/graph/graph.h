#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ntt/core/api.h"

namespace ntt {

/// The shape of a value of one input, without the batch: [features], [channels, height, width], [tokens, features].
using Shape = std::vector<std::int64_t>;

/// "3x32x32"
NTT_API std::string to_string(const Shape& shape);
/// The product of the sides.
NTT_API std::int64_t entries(const Shape& shape);

using ValueId = std::size_t;
using NodeId = std::size_t;
using ParameterId = std::size_t;

/// A setting of a node: a switch, a whole number, a number, a word, or a list of whole numbers. Axes are counted
/// without the batch.
using Attribute = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

/// What a parameter is to its operator.
enum class Role {
  weight,    ///< of a linear map: can be pruned
  bias,      ///< added to a linear map
  scale,     ///< multiplies a channel or feature
  shift,     ///< added to one
  mean,      ///< running statistic: state, not trained
  variance,  ///< running statistic: state, not trained
  constant   ///< given with the network, not trained
};

/// Whether training moves it: it counts in kernels and has a gradient.
NTT_API bool is_trained(Role role);
/// "weight", "bias", ...
NTT_API std::string_view to_string(Role role);

/// A parameter as declared: nodes refer to it by its place in Graph::parameters.
struct ParameterSpec {
  std::string name;  ///< "conv1.weight": PyTorch's, full from the network's root; unique
  Shape shape;       ///< PyTorch's: [out, in], [out, in / groups, kh, kw], [out]
  Role role = Role::weight;
  bool operator==(const ParameterSpec&) const = default;
};

/// What flows along an edge.
struct Value {
  std::string name;  ///< its producer's, or "input"
  Shape shape;
  std::optional<NodeId> producer;  ///< none: the graph's input
  bool operator==(const Value&) const = default;
};

/// One operation. Its type says what it computes (docs/operators.md).
struct Node {
  std::string name;  ///< unique
  std::string type;  ///< "conv2d"
  Attributes attributes;
  std::vector<ValueId> inputs;
  std::vector<ParameterId> parameters;  ///< in the order of the type's roles
  ValueId output = 0;
  bool operator==(const Node&) const = default;
};

/// A network as plain data, without the values of its parameters: the one description that everything walks. Nodes are
/// in topological order; the values are the graph's input and one for each node.
struct NTT_API Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ParameterSpec> parameters;
  ValueId input = 0;
  ValueId output = 0;

  const Shape& input_shape() const { return values[input].shape; }
  const Shape& output_shape() const { return values[output].shape; }
  /// The shape of so many inputs: [count, input...].
  Shape batch_shape(std::int64_t count) const;
  bool operator==(const Graph&) const = default;
};

/// For each value, the nodes that read it, in order; a node that reads it twice stands twice.
std::vector<std::vector<NodeId>> users_of(const Graph& graph);

/// For each value, whether a trained parameter lies before it, so that a derivative by it is wanted.
std::vector<bool> depends_on_parameters(const Graph& graph);

/// For each value, the last node that reads it, after which it can be given up.
std::vector<NodeId> last_readers_of(const Graph& graph);

/// For each parameter, the nodes that use it: more than one of a tied parameter.
std::vector<std::vector<NodeId>> nodes_of_parameters(const Graph& graph);

/// For each node, whether it has a trained parameter that another node uses, too.
std::vector<bool> nodes_with_tied_parameters(const Graph& graph);

}  // namespace ntt
