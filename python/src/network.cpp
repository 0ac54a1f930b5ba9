#include "ntt/nn/network.h"

#include <ATen/ATen.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/nn/cost_record.h"
#include "ntt/nn/data_format.h"
#include "ntt/nn/network_file.h"
#include "ntt/onnx/writer.h"
#include "ntt/sparse/predictor.h"
#include "ntt/train/metrics.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"
#include "python/src/words.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

using Metadata = std::map<std::string, std::string>;

/// (name, role, value, mask or None) of every parameter, running statistics and constants too; pruned entries are 0.
nb::list parameters_of(const Network& network) {
  nb::list parameters;
  for (const auto& parameter : network.all_parameters()) {
    nb::object mask = nb::none();
    if (parameter->pattern) {
      mask = to_numpy(parameter->mask().to(at::kBool));
    }
    const at::Tensor value = parameter->file_value();
    const bool shared = value.is_alias_of(parameter->effective);  // whoever writes to it must not write to the network
    parameters.append(nb::make_tuple(parameter->name, std::string(to_string(parameter->role)),
                                     to_numpy(shared ? value.clone() : value), mask));
  }
  return parameters;
}

nb::tuple read(const std::filesystem::path& path) {
  NetworkFile file = read_network(path);
  return nb::make_tuple(nb::cast(std::move(file.network)), nb::cast(std::move(file.metadata)),
                        nb::cast(file.format.normalisation), nb::cast(std::move(file.warnings)));
}

void save_onnx(const Network& network, const std::filesystem::path& path, const Metadata& metadata, bool sparse) {
  const nb::gil_scoped_release unlocked;
  write_onnx(path, network.graph(), network.all_parameters(), metadata, sparse);
}

void save(const Network& network, const std::filesystem::path& path, Metadata metadata,
          const std::optional<Normalisation>& normalisation) {
  const nb::gil_scoped_release unlocked;
  DataFormat format = parse_data_format(metadata, network.graph(), path);
  format.normalisation = normalisation;
  set_data_format(metadata, format);
  write_network(path, network, metadata);
}

void set_mask(Network& network, const std::string& name, const Array& mask) {
  for (Parameter* parameter : network.parameters()) {
    if (parameter->name == name) {
      parameter->set_mask(view_of(mask).to(network.dtype()).view(parameter->shape));
      return;
    }
  }
  fail_input("network '{}' has no parameter '{}' to be masked", network.graph().name, name);
}

nb::object predict(const Predictor& predictor, const Array& inputs, int threads) {
  const at::Tensor tensor = view_of(inputs);
  at::Tensor outputs;
  {
    const nb::gil_scoped_release unlocked;
    const Threads scope(threads);
    outputs = predictor.predict(tensor);
  }
  return to_numpy(outputs);
}

nb::tuple score_outputs(const Array& outputs, const Array& labels) {
  const Score found = score(view_of(outputs), view_of(labels));
  return nb::make_tuple(found.accuracy, found.loss, found.top5_accuracy);
}

}  // namespace

void bind_network(nb::module_& module) {
  nb::class_<Network>(module, "Network", "A graph with the values and masks of its parameters.")
      .def_static("read", &read, nb::arg("path"),
                  "A network, its file's metadata, its normalisation or None, and warnings.")
      .def("save", &save, nb::arg("path"), nb::arg("metadata"), nb::arg("normalisation").none())
      .def("set_mask", &set_mask, nb::arg("name"), nb::arg("mask"), "Masks a parameter by uint8 of its shape: 1 kept.")
      .def("save_onnx", &save_onnx, nb::arg("path"), nb::arg("metadata"), nb::arg("sparse"))
      .def("mask_zeros", &mask_zeros, "Masks what is 0 of weights without a mask.")
      .def("clone", &Network::clone)
      .def_prop_ro("name", [](const Network& network) { return network.graph().name; })
      .def_prop_ro("input_shape", [](const Network& network) { return network.graph().input_shape(); })
      .def_prop_ro("outputs", &Network::outputs)
      .def_prop_ro("density", &Network::density)
      .def("parameters", &parameters_of, "(name, role, value, mask or None) of every parameter.")
      .def(
          "layers", [](const Network& network) { return layer_densities(network).dump(); },
          "Name, weights, kept and density of every layer that is pruned, as JSON.");
  nb::class_<Predictor>(module, "Predictor", "Runs inference, on the kept weights only where that is faster.")
      .def(
          "__init__",
          [](Predictor* self, const Network& network, const std::string& execution) {
            new (self) Predictor(network.clone(), from_word(kExecutions, "execution", execution));
          },
          nb::arg("network"), nb::arg("execution"))
      .def("predict", &predict, nb::arg("inputs"), nb::arg("threads"));
  module.def("score", &score_outputs, nb::arg("outputs"), nb::arg("labels"),
             "Accuracy and cross-entropy of outputs [N, C] with labels [N].");
}

}  // namespace ntt::python
