#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <nlohmann/json.hpp>

#include "ntt/core/device.h"
#include "ntt/core/exceptions.h"
#include "ntt/core/normalisation.h"
#include "ntt/data/dataset.h"
#include "ntt/find/record.h"
#include "ntt/find/run.h"
#include "ntt/train/evaluation_json.h"
#include "ntt/train/run.h"
#include "ntt/transfer/evaluation_json.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

using Metadata = std::map<std::string, std::string>;

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

TomlOption to_option(const std::string& name, const nlohmann::json& value, bool given) {
  TomlOption option{name, {}, TomlOption::Kind::kString, value.is_array(), given};
  for (const nlohmann::json& element : option.is_list ? value : nlohmann::json::array({value})) {
    if (element.is_string()) {
      option.values.push_back(element.get<std::string>());
    } else if (!element.is_null()) {
      option.kind = element.is_boolean() ? TomlOption::Kind::kBoolean : TomlOption::Kind::kNumber;
      option.values.push_back(element.is_number_float() ? fmt::format("{}", element.get<double>()) : element.dump());
    }
  }
  return option;
}

/// @param options a JSON object: by name, value and whether it was given
RunRequest make_request(std::string command, const std::string& options, std::uint64_t seed, std::filesystem::path out,
                        bool resume) {
  RunRequest request{std::move(command), {}, seed, std::move(out), resume};
  const nlohmann::json parsed = nlohmann::json::parse(options);
  for (const auto& [name, option] : parsed.items()) {
    request.options.push_back(to_option(name, option.at(0), option.at(1)));
  }
  return request;
}

nb::tuple find(const Network& teacher, const Array& inputs, const std::optional<Array>& labels, FindOptions options,
               const RunRequest& request, const Metadata& metadata, const std::optional<Normalisation>& normalisation,
               int threads, nb::object listener) {
  const at::Device device = teacher.device();
  const at::Tensor x = view_of(inputs).to(device);
  const at::Tensor y = optional_view(labels, device);
  FoundNetwork found = run_job(std::move(listener), threads, [&](Observer& observer) {
    options.transfer.observer = &observer;
    FoundNetwork result = run_find(teacher.clone(), x, y, options, request, metadata, {normalisation, {}}).found;
    result.teacher.to(at::kCPU, at::kFloat);
    result.network.to(at::kCPU, at::kFloat);
    return result;
  });
  const nlohmann::json metrics =
      found.transfer ? metrics_of(request.out, found.transfer->evaluations) : nlohmann::json::array();
  const std::string record = find_record(found).dump();
  return nb::make_tuple(nb::cast(std::move(found.teacher)), nb::cast(std::move(found.network)), record, metrics.dump(),
                        nb::cast(found.warnings));
}

nb::tuple run_training(const Network& start, const Array& inputs, const Array& labels,
                       const std::optional<Array>& test_inputs, const std::optional<Array>& test_labels,
                       TrainingOptions options, const Network* teacher, const RunRequest& request,
                       const Metadata& metadata, const std::optional<Normalisation>& normalisation, int threads,
                       const std::string& device_name, nb::object listener) {
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
  const TrainingRun run = run_job(std::move(listener), threads, [&](Observer& observer) {
    options.observer = &observer;
    TrainingRun trained = run_training(network, data, options, request, metadata, {normalisation, {}});
    network.to(at::kCPU, at::kFloat);
    return trained;
  });
  nlohmann::json figures = run.record.at("figures");
  for (const char* name : {"seconds", "ms_per_step", "execution"}) {
    figures[name] = run.record.at(name);
  }
  return nb::make_tuple(nb::cast(std::move(network)), figures.dump(),
                        metrics_of(request.out, run.result.evaluations).dump());
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
  nb::class_<RunRequest>(module, "RunRequest", "What a run is asked to do.")
      .def(nb::new_(&make_request), nb::arg("command"), nb::arg("options"), nb::arg("seed"), nb::arg("out"),
           nb::arg("resume"), "Options are JSON, by name: the value and whether it was given.");
  module.def("standardise", &standardise_images, nb::arg("images"));
  module.def("find_methods", &find_methods, "The methods of `prune`.");
  module.def("reads_labels", &reads_labels, nb::arg("method"), "Whether a method needs labels.");
  module.def("find", &find, nb::arg("teacher"), nb::arg("inputs"), nb::arg("labels").none(), nb::arg("options"),
             nb::arg("request"), nb::arg("metadata"), nb::arg("normalisation").none(), nb::arg("threads"),
             nb::arg("listener"));
  module.def("train", &run_training, nb::arg("network"), nb::arg("inputs"), nb::arg("labels"),
             nb::arg("test_inputs").none(), nb::arg("test_labels").none(), nb::arg("options"),
             nb::arg("teacher").none(), nb::arg("request"), nb::arg("metadata"), nb::arg("normalisation").none(),
             nb::arg("threads"), nb::arg("device"), nb::arg("listener"));
}

}  // namespace ntt::python
