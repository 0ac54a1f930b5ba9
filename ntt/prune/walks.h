#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ntt/core/random.h"
#include "ntt/nn/network.h"

namespace ntt {

/// Random walks through a network along single weights, each taken with a probability in proportion to its magnitude
/// among those that leave a unit or channel (forward) or arrive there (backward).
class Walks {
 public:
  /// Is told of every weight that a walk takes, by its parameter and its index there.
  using Visit = std::function<void(ParameterId parameter, std::int64_t entry)>;

  /// Reads the network's weights; InputError where a walk cannot tell which units an operator connects.
  explicit Walks(const Network& network);

  /// From a random input to an output, or until weights that leave a unit are all 0.
  void forward(RandomStream& stream, const Visit& visit) const;
  /// From a random output to an input.
  void backward(RandomStream& stream, const Visit& visit) const;

 private:
  /// Neighbouring features of a value, flattened.
  struct Units {
    std::int64_t begin;
    std::int64_t end;
  };
  /// A node with a weight [out, in / groups, kernel...].
  struct Weight {
    ParameterId parameter;
    std::int64_t outputs, inputs, kernel;  ///< of a group; kernel entries
    std::vector<double> by_input;          ///< running sums of magnitudes in the order [input, output, kernel]
    std::vector<double> by_output;         ///< in the weight's own order
  };
  /// A reader of a value: its node and which of its inputs that is.
  struct Reader {
    NodeId node;
    std::size_t input;
  };

  Weight weight_of(const Network& network, const Node& node) const;
  void check(const Node& node) const;
  bool keeps_features(const Node& node) const;
  /// Where the node's input lies among the features of its output, which is 0 but for concatenation.
  std::int64_t offset(const Node& node, std::size_t input) const;
  /// The same channels of another value.
  Units channels(ValueId from, const Units& units, ValueId to) const;
  std::int64_t positions(ValueId value) const;
  std::optional<Units> hop_forward(NodeId node, const Units& units, RandomStream& stream, const Visit& visit) const;
  std::optional<Units> hop_backward(NodeId node, const Units& units, RandomStream& stream, const Visit& visit) const;
  /// The input of a node without weights by which a walk goes on from these units of its output.
  std::size_t choose_input(const Node& node, const Units& units, RandomStream& stream) const;

  const Graph& graph_;
  std::vector<std::optional<Weight>> weights_;  ///< one for each node
  std::vector<std::vector<Reader>> readers_;    ///< of each value
  std::vector<bool> sees_input_;                ///< each value: whether a path leads there from the network's input
};

}  // namespace ntt
