#include "ntt/nn/network.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/nn/initialise.h"
#include "ntt/nn/sweeps.h"
#include "ntt/ops/registry.h"

namespace ntt {
namespace {

/// Lets max-pooling come before a ReLU of which it is the only reader: the two commute, derivatives included, and ReLU
/// then works on the pooled values only.
Graph pool_before_relu(Graph graph) {
  const auto users = users_of(graph);
  for (NodeId i = 0; i < graph.nodes.size(); ++i) {
    Node& relu = graph.nodes[i];
    if (relu.type != "relu" || users[relu.output].size() != 1) {
      continue;
    }
    Node& pool = graph.nodes[users[relu.output].front()];
    if (pool.type == "max-pool") {
      graph.values[relu.output].shape = graph.values[pool.output].shape;
      std::swap(relu.name, pool.name);
      std::swap(relu.type, pool.type);
      std::swap(relu.attributes, pool.attributes);
    }
  }
  return graph;
}

}  // namespace

Network::Network(Graph graph)
    : graph_(std::make_shared<Graph>(std::move(graph))),
      execution_(std::make_shared<Graph>(pool_before_relu(*graph_))),
      depends_(depends_on_parameters(*execution_)),
      last_readers_(last_readers_of(*execution_)),
      tied_(nodes_with_tied_parameters(*execution_)) {
  if (graph_->output_shape().size() != 1) {
    fail_input("network '{}' ends in {}; its last layers must be flatten and linear, one output a class", graph_->name,
               to_string(graph_->output_shape()));
  }
  for (const Node& node : execution_->nodes) {
    operators_.push_back(make_operator(*execution_, node));
  }
  products_.resize(operators_.size());
  for (const ParameterSpec& spec : graph_->parameters) {
    auto parameter = std::make_unique<Parameter>();
    static_cast<ParameterSpec&>(*parameter) = spec;
    parameter->id = parameters_.size();
    parameter->prunable = spec.role == Role::weight;
    if (parameter->trained()) {
      trained_.push_back(parameter.get());
    }
    parameters_.push_back(std::move(parameter));
  }
  const_trained_.assign(trained_.begin(), trained_.end());
  if (std::ranges::none_of(trained_, [](const Parameter* parameter) { return parameter->role == Role::weight; })) {
    fail_input("network '{}' has no linear or convolution layer, so there is nothing to train", graph_->name);
  }
}

Network Network::random(Graph graph, std::uint64_t seed, std::string_view purpose, at::ScalarType dtype,
                        Initialisation initialisation) {
  Network network(std::move(graph));
  for (const auto& parameter : network.parameters_) {
    parameter->assign(at::zeros(parameter->shape, dtype));
  }
  network.redraw(seed, purpose, initialisation);
  return network;
}

void Network::redraw(std::uint64_t seed, std::string_view purpose, Initialisation initialisation) {
  RandomStream stream(seed, purpose);
  for (const auto& parameter : parameters_) {
    if (parameter->role != Role::constant) {
      parameter->assign(draw_parameter(*parameter, stream, initialisation).to(parameter->value.options()));
    }
  }
}

Network Network::clone() const {
  Network copy(*graph_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    copy.parameters_[i]->assign(parameters_[i]->value.clone());
    copy.parameters_[i]->set_pattern(parameters_[i]->pattern);
    copy.parameters_[i]->prunable = parameters_[i]->prunable;
  }
  return copy;
}

void Network::to(at::Device device, at::ScalarType dtype) {
  for (const auto& parameter : parameters_) {
    const at::Tensor mask = parameter->mask();
    parameter->assign(parameter->value.to(device, dtype));
    parameter->set_mask(mask.defined() ? mask.to(device, dtype) : mask);
  }
}

at::Tensor Network::predict(const at::Tensor& inputs, std::int64_t batch_size) const {
  std::vector<at::Tensor> outputs;
  for (std::int64_t first = 0; first < inputs.size(0); first += batch_size) {
    const at::Tensor batch = inputs.narrow(0, first, std::min(batch_size, inputs.size(0) - first));
    outputs.push_back(run_forward(*this, batch.contiguous()));
  }
  return outputs.empty() ? at::zeros({0, this->outputs()}, inputs.options()) : at::cat(outputs);
}

double Network::density() const {
  std::int64_t kept = 0;
  std::int64_t all = 0;
  for (const Parameter* parameter : const_trained_) {
    if (parameter->role == Role::weight) {
      kept += parameter->kept();
      all += parameter->value.numel();
    }
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

NodeParameters Network::parameters_of(NodeId node) const {
  NodeParameters result;
  for (const ParameterId id : execution_->nodes[node].parameters) {
    result.values.push_back(parameters_[id].get());
  }
  const MaskedProducts& masked = products_[node];
  if (masked.products && masked.pattern == result.values.front()->pattern) {
    result.products = masked.products.get();
  }
  return result;
}

void Network::set_products(NodeId node, std::shared_ptr<const WeightProducts> products) {
  products_[node] = {std::move(products), parameters_[graph_->nodes[node].parameters.front()]->pattern};
}

}  // namespace ntt
