#include "ntt/nn/model.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <set>
#include <string_view>

#include "ntt/core/device.h"
#include "ntt/core/error.h"
#include "ntt/models/zoo.h"
#include "ntt/nn/dense_network.h"
#include "ntt/nn/statistics.h"
#include "ntt/onnx/reader.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

constexpr std::int64_t kCalibrationInputs = 1000;
constexpr std::string_view kWeight = ".weight";

/// Exported modules are wrapped in another one, under this name.
constexpr std::string_view kWrapped = "module.";
constexpr std::string_view kWrappedNode = "/module/";

std::string unwrapped(const std::string& name) {
  return name.starts_with(kWrapped) ? name.substr(kWrapped.size()) : name;
}

/// Layers of a module are called what the module calls them, not what the exporter calls their nodes.
std::string layer_name(const Graph& graph, const Node& node) {
  const std::string parameter = node.parameters.empty() ? "" : graph.parameters[node.parameters.front()].name;
  if (parameter.ends_with(kWeight)) {
    return parameter.substr(0, parameter.size() - kWeight.size());
  }
  return node.name.starts_with(kWrappedNode) ? node.name.substr(kWrappedNode.size()) : node.name;
}

Model read_module(const nb::bytes& onnx, const std::string& name) {
  OnnxModel read = read_onnx({onnx.c_str(), onnx.size()}, name);
  Model model{std::move(read.graph), {}, std::move(read.warnings)};
  for (auto& [parameter, value] : read.values) {
    model.values.emplace(unwrapped(parameter), std::move(value));
  }
  for (ParameterSpec& parameter : model.graph.parameters) {
    parameter.name = unwrapped(parameter.name);
  }
  std::set<std::string> taken{"input"};
  for (const Node& node : model.graph.nodes) {
    taken.insert(node.name);
  }
  for (Node& node : model.graph.nodes) {
    const std::string layer = layer_name(model.graph, node);
    if (taken.insert(layer).second) {
      node.name = layer;
      model.graph.values[node.output].name = layer;
    }
  }
  return model;
}

Network make_dense(const Model& model, const WeightOptions& weights, const std::vector<std::string>& keep,
                   bool calibrate, const Array& inputs, std::uint64_t seed, int threads, const std::string& device) {
  at::Tensor tensor = view_of(inputs);
  if (tensor.dim() < 2 || tensor.sizes().slice(1) != at::IntArrayRef(model.graph.input_shape())) {
    fail_input("the model takes inputs of {}, but the data's are {}", to_string(model.graph.input_shape()),
               tensor.dim() < 1 ? "a number" : to_string(tensor.sizes().slice(1).vec()));
  }
  const nb::gil_scoped_release unlocked;
  const Threads scope(threads);
  tensor = tensor.to(parse_device(device));
  Network network = dense_network(model, weights, keep, tensor, seed);
  if (calibrate) {
    calibrate_statistics(network, tensor.narrow(0, 0, std::min(kCalibrationInputs, tensor.size(0))));
  }
  return network;
}

}  // namespace

void bind_model(nb::module_& module) {
  nb::class_<Model>(module, "Model", "A network as it is named, before a run has weights of its own.")
      .def_static("from_module", &read_module, nb::arg("onnx"), nb::arg("name"),
                  "The model of a module that was exported to these bytes of ONNX, under the attribute 'module'.")
      .def_static("find", &find_model, nb::arg("model"), nb::arg("input_shape"), nb::arg("classes"),
                  "A built-in model for these inputs and classes, or a .toml or .onnx file.")
      .def_static("published", &published_model, nb::arg("model"),
                  "A built-in model for the inputs of the published studies, or a .toml or .onnx file.")
      .def_prop_ro("name", [](const Model& model) { return model.graph.name; })
      .def_prop_ro("input_shape", [](const Model& model) { return model.graph.input_shape(); })
      .def_prop_ro("outputs", [](const Model& model) { return model.graph.output_shape().front(); })
      .def_ro("warnings", &Model::warnings)
      .def("dense", &make_dense, nb::arg("weights"), nb::arg("keep"), nb::arg("calibrate"), nb::arg("inputs"),
           nb::arg("seed"), nb::arg("threads"), nb::arg("device"),
           "The dense network for inputs [N, ...]. Batch norm's mean and variance are taken from the first 1000 where "
           "weights are drawn, or where `calibrate` says so.");
  module.def("zoo_models", &zoo_models, "The names of the built-in models.");
}

}  // namespace ntt::python
