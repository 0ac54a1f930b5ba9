#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "ntt/core/device.h"
#include "ntt/core/error.h"
#include "ntt/kernel/empirical_ntk.h"
#include "ntt/kernel/probes.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/observer.h"
#include "python/src/words.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

struct KernelOptions {
  std::string parameters = "all";
  std::string kernel = "exact";
  std::int64_t probes = 1;
  std::string dtype = "float32";
  std::int64_t block = 32;
  std::uint64_t seed = 0;
};

const Words<at::ScalarType> kTypes{{"float32", at::kFloat}, {"float64", at::kDouble}};

/// The kernel [N, M, k, k], asking after every block whether to stop.
at::Tensor compute(const Network& network, const KernelInputs& rows, const KernelInputs& columns,
                   const KernelOptions& options, PythonObserver& observer) {
  const c10::InferenceMode inference;
  const std::int64_t width = rows.probes.defined() ? options.probes : network.outputs();
  const std::int64_t pairs = rows.inputs.size(0) * columns.inputs.size(0);
  at::Tensor result = at::empty({rows.inputs.size(0), columns.inputs.size(0), width, width}, rows.inputs.options());
  std::int64_t done = 0;
  const ParameterSet parameters = from_word(kParameterSets, "parameters", options.parameters);
  for_each_kernel_block(network, rows, columns, parameters, options.block, [&](const KernelBlock& block) {
    if (observer.stop_requested()) {
      throw Interrupted("interrupted; there is no kernel");
    }
    result.narrow(0, block.first_left, block.values.size(0))
        .narrow(1, block.first_right, block.values.size(1))
        .copy_(block.values);
    done += block.values.size(0) * block.values.size(1);
    observer.progress({"kernel", "pair", done, pairs, "", done == pairs});
  });
  return result;
}

void check_inputs(const Network& network, const at::Tensor& inputs) {
  if (inputs.dim() < 2 || inputs.sizes().slice(1) != at::IntArrayRef(network.graph().input_shape())) {
    fail_input("the network takes inputs of {}, but was given an array of {} axes",
               to_string(network.graph().input_shape()), inputs.dim());
  }
}

nb::object kernel(const Network& given, const Array& left, const std::optional<Array>& right,
                  const KernelOptions& options, int threads, const std::string& device_name, nb::object listener) {
  const at::ScalarType dtype = from_word(kTypes, "dtype", options.dtype);
  const at::Device device = parse_device(device_name);
  const at::Tensor x1 = view_of(left).to(device, dtype);
  const at::Tensor x2 = right ? view_of(*right).to(device, dtype) : x1;
  check_inputs(given, x1);
  check_inputs(given, x2);
  PythonObserver observer(std::move(listener));
  at::Tensor result;
  try {
    const nb::gil_scoped_release unlocked;
    const Threads scope(threads);
    const SignalStack signals;
    Network network = given.clone();
    network.to(device, dtype);
    RandomStream stream(options.seed, "kernel-probes");
    const bool sketch = from_word(kKernels, "kernel", options.kernel) == KernelMode::sketch;
    const auto side = [&](const at::Tensor& inputs) -> KernelInputs {
      return {inputs, sketch
                          ? random_probes(stream, inputs.size(0), options.probes, network.outputs(), inputs.options())
                          : at::Tensor()};
    };
    const KernelInputs rows = side(x1);
    result = compute(network, rows, right ? side(x2) : rows, options, observer);
  } catch (const Interrupted&) {
    observer.rethrow(true);
    throw;
  }
  observer.rethrow(false);
  return to_numpy(result);
}

}  // namespace

void bind_kernel(nb::module_& module) {
  using Options = KernelOptions;
  OptionClass<Options>(module, "KernelOptions", "Which kernel, and how it is computed.")
      .field(
          "parameters", [](Options & o) -> auto& { return o.parameters; })
      .field(
          "kernel", [](Options & o) -> auto& { return o.kernel; })
      .number(
          "probes", [](Options & o) -> auto& { return o.probes; }, kCount)
      .field(
          "dtype", [](Options & o) -> auto& { return o.dtype; })
      .number(
          "block", [](Options & o) -> auto& { return o.block; }, kCount)
      .number(
          "seed", [](Options & o) -> auto& { return o.seed; }, kNotNegative);
  module.def("kernel", &kernel, nb::arg("network"), nb::arg("left"), nb::arg("right").none(), nb::arg("options"),
             nb::arg("threads"), nb::arg("device"), nb::arg("listener"));
}

}  // namespace ntt::python
