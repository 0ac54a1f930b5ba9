#include "ntt/sparse/folding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ntt/ops/attributes.h"

namespace ntt {
namespace {

/// A batch norm and the layer that takes it up.
struct Folded {
  NodeId norm = 0;
  ChannelAffine affine;
};

class Folder {
 public:
  explicit Folder(const Network& network)
      : network_(network), graph_(network.graph()), users_(users_of(graph_)), uses_(nodes_of_parameters(graph_)) {
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
      find(id);
    }
  }

  Network fold() {
    copy_graph();
    Network folded(std::move(to_));
    for (std::size_t i = 0; i < origins_.size(); ++i) {
      assign(*folded.all_parameters()[i], origins_[i]);
    }
    return folded;
  }

 private:
  /// What a parameter of the new graph holds: one of the old, or a bias that was not there; and what is folded into it.
  struct Origin {
    std::optional<ParameterId> parameter;
    const Folded* folded = nullptr;
  };

  at::Tensor exact(ParameterId id) const { return network_.all_parameters()[id]->effective.to(at::kDouble); }

  bool is_used_once(const Node& node) const {
    return std::ranges::all_of(node.parameters, [&](ParameterId id) { return uses_[id].size() == 1; });
  }

  void find(NodeId id) {
    const Node& norm = graph_.nodes[id];
    if (norm.type != "batch-norm") {
      return;
    }
    const Value& input = graph_.values[norm.inputs.front()];
    if (!input.producer || users_[norm.inputs.front()].size() != 1 || graph_.output == norm.inputs.front()) {
      return;
    }
    const Node& layer = graph_.nodes[*input.producer];
    const bool by_channel =
        layer.type == "conv2d" || layer.type == "conv1d" || (layer.type == "linear" && input.shape.size() == 1);
    if (!by_channel || !is_used_once(layer)) {
      return;
    }
    folded_[*input.producer] = {id, channel_affine(network_, norm)};
  }

  ParameterId add_parameter(ParameterSpec spec, Origin origin) {
    to_.parameters.push_back(std::move(spec));
    origins_.push_back(origin);
    return to_.parameters.size() - 1;
  }

  void copy_graph() {
    to_.name = graph_.name;
    std::vector<ValueId> values(graph_.values.size());
    std::map<ParameterId, ParameterId> parameters;
    const auto add_value = [&](ValueId old, std::optional<NodeId> producer) {
      values[old] = to_.values.size();
      to_.values.push_back({graph_.values[old].name, graph_.values[old].shape, producer});
    };
    add_value(graph_.input, std::nullopt);
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
      Node node = graph_.nodes[id];
      const auto before = graph_.values[node.inputs.empty() ? graph_.input : node.inputs.front()].producer;
      if (before && folded_.contains(*before) && folded_.at(*before).norm == id) {
        values[node.output] = values[node.inputs.front()];
        continue;
      }
      const auto folds = folded_.find(id);
      const Folded* folded = folds == folded_.end() ? nullptr : &folds->second;
      for (ParameterId& parameter : node.parameters) {
        if (!parameters.contains(parameter)) {
          parameters[parameter] = add_parameter(graph_.parameters[parameter], {parameter, folded});
        }
        parameter = parameters[parameter];
      }
      if (folded != nullptr && node.parameters.size() == 1) {
        node.attributes["bias"] = true;
        node.parameters.push_back(add_parameter(
            {node.name + ".folded_bias", {folded->affine.factor.size(0)}, Role::bias}, {std::nullopt, folded}));
      }
      for (ValueId& input : node.inputs) {
        input = values[input];
      }
      add_value(node.output, to_.nodes.size());
      node.output = to_.values.size() - 1;
      to_.nodes.push_back(std::move(node));
    }
    to_.output = values[graph_.output];
  }

  void assign(Parameter& to, const Origin& origin) const {
    const Parameter* from = origin.parameter ? network_.all_parameters()[*origin.parameter].get() : nullptr;
    if (origin.folded == nullptr) {
      to.assign(from->value);
    } else if (to.role == Role::weight) {
      Shape sides(to.shape.size(), 1);
      sides.front() = to.shape.front();
      to.assign(from->value * origin.folded->affine.factor.to(from->value.scalar_type()).view(sides));
    } else {
      const at::Tensor bias = from == nullptr ? at::Tensor() : exact(*origin.parameter) * origin.folded->affine.factor;
      const at::Tensor& shift = origin.folded->affine.shift;
      to.assign((bias.defined() ? bias + shift : shift).to(network_.dtype()));
    }
    if (from != nullptr) {
      to.set_pattern(from->pattern);
      to.prunable = from->prunable;
    }
  }

  const Network& network_;
  const Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  std::vector<std::vector<NodeId>> uses_;  ///< of each parameter
  std::map<NodeId, Folded> folded_;        ///< by the layer
  Graph to_;
  std::vector<Origin> origins_;  ///< of each new parameter
};

}  // namespace

ChannelAffine channel_affine(const Network& network, const Node& norm) {
  const auto exact = [&](std::size_t i) {
    return network.all_parameters()[norm.parameters[i]]->effective.to(at::kDouble);
  };
  const double epsilon = Settings(norm.type, {norm.attributes, {}}).number_or("epsilon", 1e-5);
  const at::Tensor factor = exact(0) / (exact(3) + epsilon).sqrt();
  return {factor, exact(1) - factor * exact(2)};
}

Network fold_batch_norm(const Network& network) {
  return Folder(network).fold();
}

}  // namespace ntt
