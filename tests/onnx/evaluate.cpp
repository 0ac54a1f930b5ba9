#include "tests/onnx/evaluate.h"

#include "ntt/ops/registry.h"

namespace ntt::testing_support {

at::Tensor evaluate(const OnnxModel& model, const at::Tensor& inputs) {
  const Graph& graph = model.graph;
  std::vector<Parameter> parameters(graph.parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    static_cast<ParameterSpec&>(parameters[i]) = graph.parameters[i];
    parameters[i].assign(model.values.at(graph.parameters[i].name));
  }
  std::vector<at::Tensor> values(graph.values.size());
  values[graph.input] = inputs;
  for (const Node& node : graph.nodes) {
    NodeParameters used;
    for (const ParameterId id : node.parameters) {
      used.values.push_back(&parameters[id]);
    }
    Tensors arguments;
    for (const ValueId input : node.inputs) {
      arguments.push_back(values[input]);
    }
    NodeTape tape;
    tape.batch = inputs.size(0);
    values[node.output] = make_operator(graph, node)->forward(arguments, used, tape);
    Shape wanted = graph.values[node.output].shape;
    wanted.insert(wanted.begin(), inputs.size(0));
    TORCH_CHECK(values[node.output].expand(wanted).defined(), node.name);
  }
  return values[graph.output];
}

}  // namespace ntt::testing_support
