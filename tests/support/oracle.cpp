#include "tests/support/oracle.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/operators.h"

namespace ntt::oracle {

Leaves leaves_of(const Network& network) {
  Leaves leaves;
  for (const auto& parameter : network.all_parameters()) {
    if (!parameter->trained()) {
      leaves.state.push_back(parameter->value.detach().clone());
      continue;
    }
    leaves.kept.push_back(parameter->pattern ? parameter->mask() : at::ones_like(parameter->value));
    leaves.value.push_back(parameter->value.detach().clone().set_requires_grad(true));
    leaves.effective.push_back(leaves.value.back() * leaves.kept.back());
  }
  return leaves;
}

at::Tensor forward(const Graph& graph, const std::vector<at::Tensor>& effective, const at::Tensor& inputs,
                   const std::vector<at::Tensor>& state, Statistics statistics) {
  std::vector<at::Tensor> parameters;
  std::size_t trained = 0;
  for (const ParameterSpec& spec : graph.parameters) {
    parameters.push_back(is_trained(spec.role) ? effective.at(trained++) : state.at(parameters.size() - trained));
  }
  std::vector<at::Tensor> values(graph.values.size());
  values[graph.input] = inputs;
  for (const Node& node : graph.nodes) {
    std::vector<at::Tensor> arguments;
    for (const ValueId input : node.inputs) {
      arguments.push_back(values[input]);
    }
    std::vector<at::Tensor> own;
    for (const ParameterId id : node.parameters) {
      own.push_back(parameters[id]);
    }
    values[node.output] =
        operator_row(node.type).reference({node.attributes, arguments, own, inputs.size(0), statistics});
  }
  return values[graph.output];
}

at::Tensor jacobian(const at::Tensor& outputs, const Leaves& leaves, bool active_only) {
  std::vector<at::Tensor> rows;
  for (std::int64_t entry = 0; entry < outputs.numel(); ++entry) {
    std::vector<at::Tensor> row = torch::autograd::grad({outputs.flatten()[entry]}, leaves.effective, {}, true, true);
    for (std::size_t p = 0; p < row.size(); ++p) {
      row[p] = (active_only ? row[p] * leaves.kept[p] : row[p]).flatten();
    }
    rows.push_back(at::cat(row));
  }
  return at::stack(rows).view({outputs.size(0), outputs.size(1), -1});
}

at::Tensor kernel(const at::Tensor& left, const at::Tensor& left_probes, const at::Tensor& right,
                  const at::Tensor& right_probes) {
  return at::mm(at::bmm(left_probes, left).flatten(0, 1), at::bmm(right_probes, right).flatten(0, 1).t());
}

std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& by, bool differentiable) {
  std::vector<at::Tensor> result = torch::autograd::grad({scalar}, by, {}, true, differentiable, true);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = result[i].defined() ? result[i] : at::zeros_like(by[i]);
  }
  return result;
}

}  // namespace ntt::oracle
