#include "tests/ops/subject.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <stdexcept>

#include "ntt/ops/registry.h"

namespace ntt::testing_support {
namespace {

std::string name_of(const oracle::OperatorRow& row, const oracle::OperatorCase& made) {
  std::string name = std::string(row.type) + "_" + made.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace

at::Tensor draw_values(const std::vector<std::int64_t>& lead, const Shape& shape, std::uint64_t seed) {
  RandomStream stream(seed, "test-operator");
  std::vector<std::int64_t> sizes = lead;
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return random_normal(stream, sizes, 1.0, at::kDouble);
}

Subject::Subject(const oracle::OperatorRow& of_type, const oracle::OperatorCase& one, std::int64_t inputs,
                 std::int64_t probes)
    : row(of_type), made(one), op(make_operator(row.type, {made.attributes, made.inputs})) {
  RandomStream stream(1, "test-operator-parameters");
  for (const ParameterRule& rule : op->parameters()) {
    auto parameter = std::make_unique<Parameter>();
    static_cast<ParameterSpec&>(*parameter) = {std::string(rule.suffix), rule.shape, rule.role};
    parameter->assign(oracle::draw_role(rule.role, rule.shape, stream));
    parameters.push_back(std::move(parameter));
  }
  std::uint64_t seed = 10;
  for (const Shape& shape : made.inputs) {
    const at::Tensor normal = draw_values({inputs}, shape, seed++);
    x.push_back(normal + row.least * normal.sign());
    pulled_bars.push_back(draw_values({inputs, probes}, shape, seed++));
  }
  delta = draw_values({inputs, probes}, op->output_shape(), seed++);
  output_bar = draw_values({inputs}, op->output_shape(), seed++);
}

at::Tensor Subject::reference(const Tensors& inputs, const Tensors& values, Statistics statistics) const {
  return row.reference({made.attributes, inputs, values, output_bar.size(0), statistics});
}

Tensors Subject::parameter_leaves() const {
  Tensors leaves;
  for (const auto& parameter : parameters) {
    leaves.push_back(parameter->effective.detach().clone().set_requires_grad(parameter->trained()));
  }
  return leaves;
}

NodeTape Subject::tape(std::vector<bool> wants_input) const {
  NodeTape result;
  result.batch = output_bar.size(0);
  result.input_bars.resize(x.size());
  result.wants_input = wants_input.empty() ? std::vector<bool>(x.size(), true) : std::move(wants_input);
  return result;
}

NodeParameters Subject::node_parameters() const {
  NodeParameters result;
  for (const auto& parameter : parameters) {
    result.values.push_back(parameter.get());
  }
  return result;
}

Tensors Subject::zero_gradients() const {
  Tensors gradients;
  for (const auto& parameter : parameters) {
    gradients.push_back(parameter->trained() ? at::zeros_like(parameter->value) : at::Tensor());
  }
  return gradients;
}

GramRows Subject::rows(std::int64_t first, std::int64_t count) const {
  NodeTape swept = tape();
  op->forward(x, node_parameters(), swept);
  op->pullback(delta, node_parameters(), swept);
  GramRows result{{}, swept.delta.narrow(0, first, count), swept.saved};
  for (const at::Tensor& input : swept.inputs) {
    result.inputs.push_back(input.narrow(0, first, count));
  }
  return result;
}

void Subject::to(at::ScalarType dtype) {
  for (const auto& parameter : parameters) {
    const at::Tensor kept = parameter->mask();
    parameter->assign(parameter->value.to(dtype));
    parameter->set_mask(kept.defined() ? kept.to(dtype) : kept);
  }
  for (Tensors* tensors : {&x, &pulled_bars}) {
    for (at::Tensor& tensor : *tensors) {
      tensor = tensor.to(dtype);
    }
  }
  delta = delta.to(dtype);
  output_bar = output_bar.to(dtype);
}

void Subject::mask(double density) {
  std::uint64_t seed = 50;
  for (const auto& parameter : parameters) {
    RandomStream stream(seed++, "test-operator-mask");
    if (parameter->role == Role::weight) {
      at::Tensor kept = at::zeros(parameter->shape, parameter->value.options());
      at::Tensor flat = kept.flatten();
      for (std::int64_t i = 0; i < flat.numel(); ++i) {
        flat[i] = stream.uniform() < density ? 1 : 0;
      }
      parameter->set_mask(kept);
    }
  }
}

Tensors Subject::given() const {
  Tensors all = x;
  all.insert(all.end(), pulled_bars.begin(), pulled_bars.end());
  all.insert(all.end(), {delta, output_bar});
  for (const auto& parameter : parameters) {
    all.insert(all.end(), {parameter->value, parameter->effective});
  }
  return all;
}

std::vector<std::string> operator_case_names() {
  std::vector<std::string> names;
  for (const oracle::OperatorRow& row : oracle::operator_rows()) {
    for (const oracle::OperatorCase& made : row.cases) {
      names.push_back(name_of(row, made));
    }
  }
  return names;
}

Subject subject(const std::string& name, std::int64_t inputs, std::int64_t probes) {
  for (const oracle::OperatorRow& row : oracle::operator_rows()) {
    for (const oracle::OperatorCase& made : row.cases) {
      if (name_of(row, made) == name) {
        return Subject(row, made, inputs, probes);
      }
    }
  }
  throw std::logic_error("no case is named " + name);
}

Tensors derivatives(const at::Tensor& scalar, const Tensors& by, bool differentiable) {
  Tensors wanted;
  for (const at::Tensor& tensor : by) {
    if (tensor.requires_grad()) {
      wanted.push_back(tensor);
    }
  }
  Tensors found(wanted.size());
  if (scalar.requires_grad() && !wanted.empty()) {
    found = torch::autograd::grad({scalar}, wanted, {}, true, differentiable, true);
  }
  Tensors result;
  std::size_t next = 0;
  for (const at::Tensor& tensor : by) {
    const at::Tensor derivative = tensor.requires_grad() ? found[next++] : at::Tensor();
    result.push_back(derivative.defined() ? derivative : at::zeros_like(tensor));
  }
  return result;
}

}  // namespace ntt::testing_support
