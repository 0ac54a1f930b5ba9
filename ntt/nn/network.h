#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/random.h"
#include "ntt/graph/graph.h"
#include "ntt/ops/operator.h"

namespace ntt {

/// How weights are drawn: both with the fans of a convolution times its receptive field.
enum class Initialisation {
  glorot,  ///< normal, σ² = 2 / (fan_in + fan_out), biases N(0, 0.01²) (Glorot & Bengio, AISTATS 2010), as published
  he,      ///< normal, as torchvision draws residual networks: convolutions σ² = 2 / fan_out (He et al., ICCV 2015),
           ///< linear layers σ² = 1 / (3 fan_in), PyTorch's default; biases 0
  as_given  ///< normal, with the deviation that each weight has already; other parameters stay
};

/// A network f: [N, input...] to [N, outputs]: a graph, the values of its parameters and its operators. Every function
/// but predict works on one batch through a Tape, which the caller keeps (ntt/nn/sweeps.h).
class NTT_API Network {
 public:
  /// Makes the operators, without values for the parameters; InputError where the graph does not end in one output a
  /// class, or has no weights.
  explicit Network(Graph graph);
  Network(Network&&) noexcept = default;
  Network& operator=(Network&&) noexcept = default;
  ~Network() = default;

  /// A network with freshly drawn parameters, a function of the seed and purpose only.
  static Network random(Graph graph, std::uint64_t seed, std::string_view purpose = "teacher",
                        at::ScalarType dtype = at::kFloat, Initialisation initialisation = Initialisation::glorot);
  /// Draws the parameters anew, without masks: weights and biases; scales 1 and shifts 0, with mean 0 and variance 1.
  /// Constants stay.
  void redraw(std::uint64_t seed, std::string_view purpose, Initialisation initialisation);

  /// A network of the same values and masks in memory of its own.
  Network clone() const;
  /// Moves values and masks.
  void to(at::Device device, at::ScalarType dtype);

  const Graph& graph() const { return *graph_; }
  std::int64_t outputs() const { return graph_->output_shape().front(); }
  at::ScalarType dtype() const { return parameters_.front()->value.scalar_type(); }
  at::Device device() const { return parameters_.front()->value.device(); }

  /// The trained parameters, from input to output.
  const std::vector<Parameter*>& parameters() { return trained_; }
  const std::vector<const Parameter*>& parameters() const { return const_trained_; }
  /// All of them, running statistics and constants too, as the graph lists them.
  const std::vector<std::unique_ptr<Parameter>>& all_parameters() const { return parameters_; }

  /// Outputs [N, outputs], batch by batch, remembering nothing.
  at::Tensor predict(const at::Tensor& inputs, std::int64_t batch_size = 256) const;

  /// Kept weights / all weights, other parameters not counted.
  double density() const;

  /// The graph as it is run: nodes in an order that computes the same with less work. Nodes with parameters stand where
  /// they do in graph().
  const Graph& execution() const { return *execution_; }
  const Operator& op(NodeId node) const { return *operators_[node]; }
  /// For each value of execution(), whether a trained parameter lies before it.
  const std::vector<bool>& depends() const { return depends_; }
  /// For each value of execution(), the last node that reads it.
  const std::vector<NodeId>& last_readers() const { return last_readers_; }
  /// For each node, whether another one uses one of its trained parameters, too.
  const std::vector<bool>& tied() const { return tied_; }
  /// What a node computes with.
  NodeParameters parameters_of(NodeId node) const;
  /// How a node multiplies with its weight from now on, for as long as the weight keeps its mask; null: densely.
  void set_products(NodeId node, std::shared_ptr<const WeightProducts> products);

 private:
  /// Products that were made for one mask.
  struct MaskedProducts {
    std::shared_ptr<const WeightProducts> products;
    std::shared_ptr<const SparsityPattern> pattern;
  };

  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const Graph> execution_;
  std::vector<std::shared_ptr<const Operator>> operators_;
  std::vector<bool> depends_;
  std::vector<NodeId> last_readers_;
  std::vector<bool> tied_;
  std::vector<std::unique_ptr<Parameter>> parameters_;
  std::vector<Parameter*> trained_;
  std::vector<const Parameter*> const_trained_;
  std::vector<MaskedProducts> products_;
};

}  // namespace ntt
