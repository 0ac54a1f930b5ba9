#include <ATen/ATen.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <nlohmann/json.hpp>

#include "ntt/core/exceptions.h"
#include "ntt/core/normalisation.h"
#include "ntt/data/dataset.h"
#include "ntt/find/find.h"
#include "ntt/find/record.h"
#include "ntt/io/run_folder.h"
#include "ntt/train/evaluation_json.h"
#include "ntt/train/record.h"
#include "ntt/train/trainer.h"
#include "ntt/transfer/evaluation_json.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

/// Runs a long job, which is given its observer, without the interpreter's lock.
template <typename Job>
auto run_job(nb::object listener, int threads, Job&& job) {
  PythonObserver told(std::move(listener));
  try {
    auto result = [&] {
      const nb::gil_scoped_release unlocked;
      const Threads scope(threads);
      const SignalStack signals;
      return job(told);
    }();
    told.rethrow(false);
    return result;
  } catch (const Interrupted&) {
    told.rethrow(true);
    throw;
  }
}

at::Tensor optional_view(const std::optional<Array>& array, at::Device device) {
  return array ? view_of(*array).to(device) : at::Tensor();
}

/// The lines of a run's metrics: those of earlier processes are in its folder only.
template <typename Evaluations>
nlohmann::json metrics_of(const std::filesystem::path& folder, const Evaluations& evaluations) {
  return folder.empty() ? nlohmann::json(evaluations)
                        : nlohmann::json(read_metrics(RunFolder(folder).file(kMetricsFile)));
}

nb::tuple find(const Network& teacher, const Array& inputs, const std::optional<Array>& labels, FindOptions options,
               int threads, nb::object listener) {
  const at::Device device = teacher.device();
  const at::Tensor x = view_of(inputs).to(device);
  const at::Tensor y = optional_view(labels, device);
  FoundNetwork found = run_job(std::move(listener), threads, [&](Observer& observer) {
    options.transfer.observer = &observer;
    FoundNetwork result = find_sparse_network(teacher.clone(), x, y, options);
    result.teacher.to(at::kCPU, at::kFloat);
    result.network.to(at::kCPU, at::kFloat);
    return result;
  });
  const nlohmann::json metrics =
      found.transfer ? metrics_of(options.transfer.out, found.transfer->evaluations) : nlohmann::json::array();
  const std::string record = find_record(found).dump();
  return nb::make_tuple(nb::cast(std::move(found.teacher)), nb::cast(std::move(found.network)), record, metrics.dump(),
                        nb::cast(found.warnings));
}

nb::tuple run_training(const Network& start, const Array& inputs, const Array& labels,
                       const std::optional<Array>& test_inputs, const std::optional<Array>& test_labels,
                       TrainingOptions options, const Network* teacher, int threads, const std::string& device_name,
                       nb::object listener) {
  const at::Device device = parse_device(device_name);
  const TrainingData data{view_of(inputs).to(device), view_of(labels).to(device), optional_view(test_inputs, device),
                          optional_view(test_labels, device)};
  Network network = start.clone();
  network.to(device, at::kFloat);
  std::optional<Network> compared;
  if (teacher != nullptr) {
    compared.emplace(teacher->clone()).to(device, at::kFloat);
    options.teacher = &*compared;
  }
  const TrainingResult result = run_job(std::move(listener), threads, [&](Observer& observer) {
    options.observer = &observer;
    TrainingResult trained = train(network, data, options);
    network.to(at::kCPU, at::kFloat);
    return trained;
  });
  nlohmann::json figures = training_figures(result, options.select);
  figures["seconds"] = result.seconds;
  figures["ms_per_step"] = result.ms_per_step;
  figures["execution"] = to_string(result.execution);
  return nb::make_tuple(nb::cast(std::move(network)), figures.dump(),
                        metrics_of(options.out, result.evaluations).dump());
}

/// Images [N, C, ...], uint8 or float32, by their own mean and deviation per channel; those, too.
nb::tuple standardise_images(const Array& images) {
  Dataset dataset;
  dataset.name = "images";
  dataset.train_images = view_of(images);
  dataset.test_images = dataset.train_images.narrow(0, 0, 0);
  const Standardised standardised = standardise(dataset);
  return nb::make_tuple(to_numpy(standardised.train_images), nb::cast(standardised.normalisation));
}

nb::object standardise_by(const Array& images, const Normalisation& normalisation) {
  return to_numpy(standardise(view_of(images), normalisation));
}

}  // namespace

void bind_jobs(nb::module_& module) {
  nb::class_<Normalisation>(module, "Normalisation", "How raw inputs become what a network takes.")
      .def_ro("mean", &Normalisation::mean)
      .def_ro("standard_deviation", &Normalisation::standard_deviation)
      .def_ro("bytes", &Normalisation::bytes)
      .def("standardise", [](const Normalisation& self, const Array& images) { return standardise_by(images, self); });
  module.def("standardise", &standardise_images, nb::arg("images"));
  module.def("find_methods", &find_methods, "The methods of `prune`.");
  module.def("reads_labels", &reads_labels, nb::arg("method"), "Whether a method needs labels.");
  module.def("find", &find, nb::arg("teacher"), nb::arg("inputs"), nb::arg("labels").none(), nb::arg("options"),
             nb::arg("threads"), nb::arg("listener"));
  module.def("train", &run_training, nb::arg("network"), nb::arg("inputs"), nb::arg("labels"),
             nb::arg("test_inputs").none(), nb::arg("test_labels").none(), nb::arg("options"),
             nb::arg("teacher").none(), nb::arg("threads"), nb::arg("device"), nb::arg("listener"));
}

}  // namespace ntt::python
