#include "tests/support/oracle.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>

namespace ntt::oracle {
namespace {

std::int64_t number(const LayerSpec& layer, const std::string& key, std::int64_t otherwise) {
  const auto found = layer.numbers.find(key);
  return found == layer.numbers.end() ? otherwise : found->second;
}

at::Tensor run(const std::vector<LayerSpec>& layers, const std::vector<at::Tensor>& effective, std::size_t& next,
               at::Tensor x);

at::Tensor run_layer(const LayerSpec& layer, const std::vector<at::Tensor>& effective, std::size_t& next,
                     const at::Tensor& x) {
  if (layer.type == "linear") {
    const at::Tensor& weight = effective[next++];
    return at::linear(x, weight, effective[next++]);
  }
  if (layer.type == "conv2d") {
    const at::Tensor& weight = effective[next++];
    const std::int64_t stride = number(layer, "stride", 1);
    const std::int64_t padding = number(layer, "padding", 0);
    return at::conv2d(x, weight, effective[next++], {stride, stride}, {padding, padding});
  }
  const std::int64_t kernel = number(layer, "kernel", 1);
  const std::int64_t stride = number(layer, "stride", kernel);
  if (layer.type == "max-pool") {
    return at::max_pool2d(x, {kernel, kernel}, {stride, stride});
  }
  if (layer.type == "average-pool") {
    return at::avg_pool2d(x, {kernel, kernel}, {stride, stride});
  }
  if (layer.type == "residual") {
    const at::Tensor body = run(layer.body, effective, next, x);
    return body + run(layer.shortcut, effective, next, x);
  }
  if (layer.type == "flatten") {
    return x.flatten(1);
  }
  if (layer.type == "relu") {
    return at::relu(x);
  }
  if (layer.type == "tanh") {
    return at::tanh(x);
  }
  if (layer.type == "gelu") {
    return at::gelu(x);
  }
  throw std::logic_error("the oracle does not know the layer type " + layer.type);
}

at::Tensor run(const std::vector<LayerSpec>& layers, const std::vector<at::Tensor>& effective, std::size_t& next,
               at::Tensor x) {
  for (const LayerSpec& layer : layers) {
    x = run_layer(layer, effective, next, x);
  }
  return x;
}

}  // namespace

Leaves leaves_of(const Network& network) {
  Leaves leaves;
  for (const Parameter* parameter : network.parameters()) {
    leaves.kept.push_back(parameter->mask.defined() ? parameter->mask : at::ones_like(parameter->value));
    leaves.value.push_back(parameter->value.detach().clone().set_requires_grad(true));
    leaves.effective.push_back(leaves.value.back() * leaves.kept.back());
  }
  return leaves;
}

at::Tensor forward(const NetworkSpec& spec, const std::vector<at::Tensor>& effective, const at::Tensor& inputs) {
  std::size_t next = 0;
  return run(spec.layers, effective, next, inputs);
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
