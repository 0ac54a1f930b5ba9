#include "ntt/nn/model.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/models/network_toml.h"
#include "ntt/models/zoo.h"
#include "ntt/nn/statistics.h"
#include "ntt/onnx/reader.h"

namespace ntt {
namespace {

bool is_file(const std::string& model) {
  return model.ends_with(".toml") || model.ends_with(".onnx");
}

Model read_model(const std::string& path) {
  if (path.ends_with(".toml")) {
    return {read_network_toml(path), {}, {}};
  }
  OnnxModel onnx = read_onnx(path);
  return {std::move(onnx.graph), std::move(onnx.values), std::move(onnx.warnings)};
}

}  // namespace

Model find_model(const std::string& model, const Shape& input, std::int64_t classes) {
  if (!is_file(model)) {
    return {zoo_model(model, input, classes), {}, {}};
  }
  Model found = read_model(model);
  if (found.graph.input_shape() != input) {
    fail_input("network file '{}' is for inputs of {}, but the data's are {}", model,
               to_string(found.graph.input_shape()), to_string(input));
  }
  if (found.graph.output_shape() != Shape{classes}) {
    fail_input("network file '{}' has {} outputs, but the data has {} classes", model,
               to_string(found.graph.output_shape()), classes);
  }
  return found;
}

Model published_model(const std::string& model) {
  constexpr std::int64_t kClasses = 10;
  return is_file(model) ? read_model(model) : Model{zoo_model(model, published_input(model), kClasses), {}, {}};
}

Initialisation default_initialisation(const Graph& graph) {
  return has_batch_norm(graph) ? Initialisation::he : Initialisation::glorot;
}

Network make_network(const Model& model, const WeightOptions& options, std::uint64_t seed, at::ScalarType dtype) {
  const bool reads_values = options.given || options.initialisation == Initialisation::as_given;
  if (reads_values && model.values.empty()) {
    fail_input("network '{}' has no weights of its own to start from; name a .onnx file, or {}", model.graph.name,
               options.given ? "draw them" : "another initialisation than as-given");
  }
  Network network(model.graph);
  for (const auto& parameter : network.all_parameters()) {
    const auto given = model.values.find(parameter->name);
    parameter->assign(given == model.values.end() ? at::zeros(parameter->shape, dtype)
                                                  : given->second.to(dtype).clone());
  }
  if (!options.given) {
    network.redraw(seed, "teacher", options.initialisation.value_or(default_initialisation(model.graph)));
  }
  return network;
}

void check_network_fits(const Network& network, const std::string& origin, const Shape& input, std::int64_t classes,
                        const std::string& data) {
  if (network.graph().input_shape() != input || network.outputs() != classes) {
    fail_input("{} holds a network of {} inputs and {} outputs, but {} has inputs of {} and {} classes", origin,
               to_string(network.graph().input_shape()), network.outputs(), data, to_string(input), classes);
  }
}

}  // namespace ntt
